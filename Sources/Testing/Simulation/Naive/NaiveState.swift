package import MatrixEvents
package import MatrixIdentifiers

/// "2-tuples of strings of the form *K* = `(event_type, state_key)`", equal when their bytes are.
package struct NaiveStateKey: Hashable, Sendable, Comparable {
    package let type: String
    package let stateKey: String

    package init(_ type: String, _ stateKey: String = "") {
        self.type = type
        self.stateKey = stateKey
    }

    /// The key of a state event; nil for another event.
    package init?(_ pdu: PDU) {
        guard let stateKey = pdu.stateKey else { return nil }
        self.init(pdu.type, stateKey)
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.type.utf8.elementsEqual(right.type.utf8) && left.stateKey.utf8.elementsEqual(right.stateKey.utf8)
    }

    package static func < (left: Self, right: Self) -> Bool {
        if !left.type.utf8.elementsEqual(right.type.utf8) {
            return left.type.utf8.lexicographicallyPrecedes(right.type.utf8)
        }
        return left.stateKey.utf8.lexicographicallyPrecedes(right.stateKey.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(bytes: type)
        hasher.combine(bytes: stateKey)
    }
}

extension Hasher {
    /// Feeds the UTF-8 bytes of a string, which its own hash does not follow.
    fileprivate mutating func combine(bytes string: String) {
        var string = string
        string.withUTF8 { combine(bytes: UnsafeRawBufferPointer($0)) }
        combine(0xFF as UInt8)
    }
}

extension NaiveStateKey: CustomStringConvertible {
    package var description: String { "(\(type), \(stateKey))" }
}

/// A room state as the specification's text has it: `(event_type, state_key)` to event ID.
package typealias NaiveState = [NaiveStateKey: EventID]
