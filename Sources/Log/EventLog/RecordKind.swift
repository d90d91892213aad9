/// What kind of fact a record holds. Numbers below 64 are the log's own; the others are defined by `LogEvents`.
package struct RecordKind: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The chain head, signed.
    package static let checkpoint = RecordKind(rawValue: 1)
    /// A new epoch began: the log was made, or restored into its past.
    package static let epochOpened = RecordKind(rawValue: 2)
    /// Payloads were destroyed: which, who, when and why.
    package static let erasure = RecordKind(rawValue: 3)

    /// Whether the log itself writes this kind.
    package var isSystem: Bool { rawValue < 64 }

    package static let systemNames: [RecordKind: String] = [
        .checkpoint: "Checkpoint", .epochOpened: "EpochOpened", .erasure: "Erasure",
    ]
}
