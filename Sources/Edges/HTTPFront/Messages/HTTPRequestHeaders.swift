import NIOHTTP1

/// The header fields of a request; names are compared without regard to case.
package struct HTTPRequestHeaders: Sendable {
    private let fields: HTTPHeaders

    init(_ fields: HTTPHeaders) { self.fields = fields }

    /// Fields by name and value, for tests and for requests made inside the process.
    package init(_ fields: [(String, String)] = []) { self.fields = HTTPHeaders(fields) }

    /// The first value of a field.
    package func first(_ name: String) -> String? { fields.first(name: name) }

    /// All values of a field, in the order they were sent, not split at commas.
    package func all(_ name: String) -> [String] { fields[name] }

    /// Every field in the order it was sent.
    package var pairs: [(name: String, value: String)] { fields.map { ($0.name, $0.value) } }
}
