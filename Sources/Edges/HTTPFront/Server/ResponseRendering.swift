import NIOCore

/// A response as it goes to the client: header and body in one buffer, unless the body is a large file.
struct RenderedResponse: Sendable {
    var buffer: ByteBuffer
    /// What follows the buffer.
    var file: FileBody?
    let status: Int
    let bodyLength: Int
    /// Whether the response says that the connection stays open.
    let keepsAlive: Bool
}

/// How one response is to be framed.
struct ResponseFraming: Sendable {
    /// Whether the connection stays open afterwards.
    var keepsAlive: Bool
    /// A response to HEAD has the length of the body, not the body.
    var isHead: Bool
    /// HTTP/1.0 clients must be told that the connection stays.
    var isHTTP10: Bool
    var cors: Bool

    /// What the body may have at most: buffers count in 32 bits.
    private static let maxBody = 1 << 30

    func render(_ response: HTTPResponse, date: DateField) -> RenderedResponse {
        let inMemory = response.bodyLength
        let length = inMemory + Int(clamping: response.file?.length ?? 0)
        guard inMemory <= Self.maxBody else {
            return render(.matrixError(500, "M_UNKNOWN", "The response is too large"), date: date)
        }
        // > Any response with a 1xx, 204 or 304 status code is always terminated by the empty line after the header.
        let hasBody = response.status != 204 && response.status != 304 && response.status >= 200
        let extra = response.headers.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 4 }
        var buffer = ByteBufferAllocator().buffer(
            capacity: 384 + extra + (hasBody && !isHead ? (Int64(length) <= Self.smallFile ? length : inMemory) : 0))
        Self.writeStatusLine(response.status, into: &buffer)
        var hasOrigin = false
        for (name, value) in response.headers where Self.isSafe(name, value) && !Self.isOurs(name) {
            buffer.writeString(name)
            buffer.writeStaticString(": ")
            buffer.writeString(value)
            buffer.writeStaticString("\r\n")
            if name.utf8.count == 27, name.lowercased() == "access-control-allow-origin" { hasOrigin = true }
        }
        if hasBody {
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(length))
            buffer.writeStaticString("\r\n")
        }
        buffer.writeBytes(date.current())
        if cors && !hasOrigin { buffer.writeStaticString(Self.corsFields) }
        if !keepsAlive {
            buffer.writeStaticString("Connection: close\r\n\r\n")
        } else if isHTTP10 {
            buffer.writeStaticString("Connection: keep-alive\r\n\r\n")
        } else {
            buffer.writeStaticString("\r\n")
        }
        if hasBody && !isHead {
            buffer.writeBytes(response.body)
            for chunk in response.moreChunks { buffer.writeBytes(chunk) }
        }
        var file = hasBody && !isHead ? response.file : nil
        if let small = file, small.length <= Self.smallFile {
            guard Self.append(small, to: &buffer) else {
                return render(.matrixError(500, "M_UNKNOWN", "The file could not be read"), date: date)
            }
            file = nil
        }
        return RenderedResponse(
            buffer: buffer, file: file, status: response.status, bodyLength: length, keepsAlive: keepsAlive)
    }

    /// A file of this length or less goes out with the header, in one write.
    private static let smallFile: Int64 = 64 << 10

    private static func append(_ file: FileBody, to buffer: inout ByteBuffer) -> Bool {
        var place: Int64 = 0
        while place < file.length {
            let missing = Int(file.length - place)
            let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { memory in
                file.read(at: place, into: UnsafeMutableRawBufferPointer(rebasing: memory.prefix(missing))) ?? 0
            }
            guard count > 0 else { return false }
            place += Int64(count)
        }
        return true
    }

    /// > The recommended CORS headers to be returned by servers on all requests are […]
    private static let corsFields: StaticString = """
        Access-Control-Allow-Origin: *\r
        Access-Control-Allow-Methods: GET, HEAD, POST, PUT, DELETE, OPTIONS\r
        Access-Control-Allow-Headers: X-Requested-With, Content-Type, Authorization\r\n
        """

    /// A value with a line break in it would let who chose it write fields of his own.
    private static func isSafe(_ name: String, _ value: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
            && value.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }

    /// Framing is the front's own business.
    private static func isOurs(_ name: String) -> Bool {
        switch name.utf8.count {
        case 10: name.lowercased() == "connection"
        case 14: name.lowercased() == "content-length"
        case 17: name.lowercased() == "transfer-encoding"
        default: false
        }
    }

    private static func writeStatusLine(_ status: Int, into buffer: inout ByteBuffer) {
        if status == 200 {
            buffer.writeStaticString("HTTP/1.1 200 OK\r\n")
            return
        }
        let code = (200...599).contains(status) ? status : 500
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(String(code))
        buffer.writeStaticString(" ")
        buffer.writeString(reasons[code] ?? "Status")
        buffer.writeStaticString("\r\n")
    }

    private static let reasons: [Int: String] = [
        201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently",
        302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect",
        400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
        408: "Request Timeout", 409: "Conflict", 410: "Gone", 412: "Precondition Failed", 413: "Content Too Large",
        415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed",
        429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
        501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
    ]
}
