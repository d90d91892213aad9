import Glibc

/// What a stream of records is about.
package enum StreamKind: UInt8, Sendable, Hashable, CaseIterable {
    /// No stream: such records have no stream version.
    case none = 0
    case room = 1
    case user = 2
    case device = 3
    case server = 4
}

/// A stream: the records of one room, user, device or part of the server, numbered densely from 1.
package struct StreamID: Hashable, Sendable, CustomStringConvertible {
    package let kind: StreamKind
    package let name: String

    package init(kind: StreamKind, name: String) {
        self.kind = kind
        self.name = name
    }

    /// For records that belong to no stream.
    package static let none = StreamID(kind: .none, name: "")

    /// The longest name, in UTF-8 bytes; Matrix identifiers have at most 255.
    package static let longestName = 500

    package static func == (left: StreamID, right: StreamID) -> Bool {
        // By bytes: `String ==` would take canonically equivalent names for the same.
        guard left.kind == right.kind else { return false }
        var (leftName, rightName) = (left.name, right.name)
        return leftName.withUTF8 { left in
            rightName.withUTF8 { right in
                guard left.count == right.count else { return false }
                guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else { return true }
                return leftBase == rightBase || memcmp(leftBase, rightBase, left.count) == 0
            }
        }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        var name = name
        name.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    package var description: String { kind == .none ? "no stream" : "\(kind) \(name)" }
}
