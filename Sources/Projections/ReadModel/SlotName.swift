package import KeyValueStore

/// An event type with a state key, as the names table spells it.
package struct SlotName: Sendable, Hashable {
    package let type: String
    package let stateKey: String

    package init(type: String, stateKey: String) {
        self.type = type
        self.stateKey = stateKey
    }

    package init(reading text: UnsafeRawBufferPointer) throws(ByteFault) {
        guard let separator = text.firstIndex(of: ViewKeys.slotSeparator) else { throw .truncated }
        type = try ByteReader.string(UnsafeRawBufferPointer(rebasing: text[..<separator]))
        stateKey = try ByteReader.string(UnsafeRawBufferPointer(rebasing: text[(separator + 1)...]))
    }

    package static func == (left: SlotName, right: SlotName) -> Bool {
        left.type.utf8.elementsEqual(right.type.utf8) && left.stateKey.utf8.elementsEqual(right.stateKey.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        var type = type
        var stateKey = stateKey
        type.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(ViewKeys.slotSeparator)
        stateKey.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
