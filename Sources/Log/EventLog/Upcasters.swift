/// Functions that turn payloads of old versions into the next version, for ever.
package struct Upcasters: Sendable {
    package typealias Step = @Sendable ([UInt8]) throws -> [UInt8]

    private struct Origin: Hashable {
        var kind: RecordKind
        var version: UInt8
    }

    private var steps: [Origin: Step] = [:]

    package init() {}

    /// Registers the step from `version` to the next.
    package mutating func register(_ kind: RecordKind, from version: UInt8, _ step: @escaping Step) {
        steps[Origin(kind: kind, version: version)] = step
    }

    /// Brings a payload up to date, step by step.
    func apply(to record: inout EventRecord) throws {
        if steps.isEmpty { return }
        while record.version < .max, let step = steps[Origin(kind: record.kind, version: record.version)] {
            record.payload = try step(record.payload)
            record.version += 1
        }
    }
}
