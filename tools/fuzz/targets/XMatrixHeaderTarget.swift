internal import EventSigning

/// An `Authorization` header.
enum XMatrixHeaderTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let text = String(decoding: input, as: UTF8.self)
        guard let header = XMatrixHeader(parsing: text) else { return nil }
        if !XMatrixHeader.isMeant(by: text) { return "a header of another scheme" }
        let written = header.text
        guard written.utf8.count <= 4096 else { return nil }
        guard let again = XMatrixHeader(parsing: written) else { return "its own text is none: \(written)" }
        return again == header ? nil : "its own text is another: \(written)"
    }
}
