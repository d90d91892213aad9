import CMedia
import Glibc

/// Finds out in which charset a page is written, and makes UTF-8 of it.
enum PageCharset {
    /// The page as UTF-8, whatever bytes it has.
    static func utf8(_ page: [UInt8], contentType: String) -> [UInt8] {
        var page = page[...]
        if page.starts(with: [0xEF, 0xBB, 0xBF]) { return valid(page.dropFirst(3)) }
        var name = charset(in: Array(contentType.utf8)) ?? charset(in: Array(page.prefix(1024))) ?? "utf-8"
        if page.starts(with: [0xFE, 0xFF]) {
            (name, page) = ("utf-16be", page.dropFirst(2))
        } else if page.starts(with: [0xFF, 0xFE]) {
            (name, page) = ("utf-16le", page.dropFirst(2))
        }
        switch name {
        case "utf-8", "utf8": return valid(page)
        // "User agents must […] treat ISO-8859-1 as windows-1252" (Encoding Standard), as all browsers do.
        case "iso-8859-1", "latin1", "us-ascii", "ascii": name = "windows-1252"
        default: break
        }
        return converted(Array(page), from: name) ?? valid(page)
    }

    private static func valid(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        Array(String(decoding: bytes, as: UTF8.self).utf8)
    }

    /// The word behind `charset=`, in a header field or in the beginning of a page.
    private static func charset(in bytes: [UInt8]) -> String? {
        let label = Array("charset".utf8)
        var index = 0
        while index + label.count < bytes.count {
            guard zip(bytes[index...], label).allSatisfy({ $0 | 0x20 == $1 }) else {
                index += 1
                continue
            }
            index += label.count
            func skip(_ skipped: String) {
                while index < bytes.count, skipped.utf8.contains(bytes[index]) { index += 1 }
            }
            skip(" \t\n")
            guard index < bytes.count, bytes[index] == UInt8(ascii: "=") else { continue }
            index += 1
            skip(" \t\n\"'")
            let name = bytes[index...].prefix { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x2D || byte == 0x5F
            }
            guard !name.isEmpty, name.count <= 40 else { continue }
            return String(decoding: name, as: UTF8.self).lowercased()
        }
        return nil
    }

    /// Nil for a charset that the system does not know. Bytes that mean nothing become question marks.
    private static func converted(_ page: [UInt8], from name: String) -> [UInt8]? {
        // A name is letters, digits and dashes: no suffix of iconv's can hide in it.
        let converter = iconv_open("UTF-8", name)
        guard converter != iconv_t(bitPattern: -1) else { return nil }
        defer { iconv_close(converter) }
        var input = page.map { CChar(bitPattern: $0) }
        var output: [UInt8] = []
        var buffer = [CChar](repeating: 0, count: 32 << 10)
        var consumed = 0
        while consumed < input.count {
            var left = input.count - consumed
            var room = buffer.count
            let result = input.withUnsafeMutableBufferPointer { source in
                buffer.withUnsafeMutableBufferPointer { target in
                    var from = source.baseAddress.map { $0 + consumed }
                    var to = target.baseAddress
                    return iconv(converter, &from, &left, &to, &room)
                }
            }
            let code = errno
            output += buffer.prefix(buffer.count - room).map(UInt8.init(bitPattern:))
            consumed = input.count - left
            guard result == Int.max || result == -1 || result == UInt.max else { break }
            if code == E2BIG { continue }
            output.append(UInt8(ascii: "?"))
            consumed += 1
        }
        return output
    }
}
