/// What a stream belongs to.
package enum StreamKind: UInt8, Sendable, Hashable {
    case none = 0
    case room = 1
    case user = 2
    case device = 3
    case server = 4
}

/// The sequence of records about one thing, with dense versions of its own: what compare-and-append compares.
package struct StreamID: Hashable, Sendable, CustomStringConvertible {
    package let kind: StreamKind
    package let name: String

    package init(kind: StreamKind, name: String) {
        self.kind = kind
        self.name = name
    }

    /// The log's own records are about nothing else.
    package static let none = StreamID(kind: .none, name: "")

    package static func == (left: StreamID, right: StreamID) -> Bool {
        left.kind == right.kind && left.name.utf8.elementsEqual(right.name.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(kind.rawValue)
        var name = name
        name.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    package var description: String { name.isEmpty ? "\(kind)" : "\(kind) \(name)" }
}
