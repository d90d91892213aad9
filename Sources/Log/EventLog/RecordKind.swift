/// What a record says happened. Numbers below 64 belong to the log itself.
package struct RecordKind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// The chain's head, signed by the server.
    package static let checkpoint = RecordKind(rawValue: 1)
    /// The log was restored into the past: sync tokens of the old epoch are void.
    package static let epochOpened = RecordKind(rawValue: 2)
    /// Payloads were destroyed; says who, why and which.
    package static let erasure = RecordKind(rawValue: 3)
    /// A new compression dictionary is used from here on.
    package static let dictionaryAdded = RecordKind(rawValue: 4)

    /// Whether the log itself writes such records.
    package var isSystem: Bool { rawValue < 64 }

    package static let systemNames: [RecordKind: String] = [
        .checkpoint: "Checkpoint", .epochOpened: "EpochOpened", .erasure: "Erasure",
        .dictionaryAdded: "DictionaryAdded",
    ]

    package var description: String { Self.systemNames[self] ?? "kind \(rawValue)" }
}
