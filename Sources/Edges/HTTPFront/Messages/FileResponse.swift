extension HTTPResponse {
    /// The answer to a request for a file: whole, a part, or that the client has it already.
    ///
    /// - Parameters:
    ///   - entityTag: names these very bytes, with its quotes.
    ///   - headers: go with 200, 206 and 304.
    package static func file(
        _ file: OpenFile, entityTag: String, headers: [(String, String)], for request: HTTPRequest
    ) -> HTTPResponse {
        let known = [("ETag", entityTag), ("Accept-Ranges", "bytes")]
        if isKnown(entityTag, to: request) {
            return HTTPResponse(status: 304, headers: known + headers.filter { !describesBody($0.0) })
        }
        var range = ByteRange(field: request.headers.first("range"), length: file.length)
        // > If the validator given in the If-Range header field does not match the current validator […] the recipient
        // > SHOULD ignore the Range header field.
        if let condition = request.headers.first("if-range"), !condition.utf8.elementsEqual(entityTag.utf8) {
            range = .whole
        }
        switch range {
        case .whole:
            return HTTPResponse(status: 200, headers: known + headers, file: FileBody(file))
        case .part(let part):
            let place = ("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.length)")
            return HTTPResponse(status: 206, headers: known + [place] + headers, file: FileBody(file, part))
        case .unsatisfiable:
            var error = MatrixError(status: 416, errcode: "M_UNKNOWN", message: "The file has no such range of bytes")
            error.headers = [("Content-Range", "bytes */\(file.length)")]
            return error.response
        }
    }

    private static func describesBody(_ field: String) -> Bool {
        ["content-type", "content-disposition"].contains(field.lowercased())
    }

    /// > A recipient MUST use the weak comparison function when comparing entity tags for If-None-Match
    private static func isKnown(_ entityTag: String, to request: HTTPRequest) -> Bool {
        request.headers.all("if-none-match").contains { field in
            field.split(separator: ",").contains { tag in
                var tag = tag.utf8.drop { $0 == 0x20 }
                while tag.last == 0x20 { tag.removeLast() }
                if tag.elementsEqual("*".utf8) { return true }
                if tag.starts(with: "W/".utf8) { tag = tag.dropFirst(2) }
                return tag.elementsEqual(entityTag.utf8)
            }
        }
    }
}
