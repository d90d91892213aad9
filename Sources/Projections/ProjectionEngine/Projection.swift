package import KeyValueStore
package import ReadModel

/// A fold of the log into tables of its own.
///
/// `apply` is pure: the record is all it knows of the world, so no clock, no randomness, no configuration. It writes only
/// its own tables. It reads its own tables, names, and of others only what a record at or before this one fixed for ever
/// (a position by event id, a row's membership, state history), because a rebuild of one projection sees the others as they
/// are at the head. What it cannot apply it throws: the engine halts there and never skips a record.
package protocol Projection: Sendable {
    var name: String { get }
    /// Raised when the same records would make other rows: the engine then rebuilds the projection by itself.
    var version: UInt32 { get }
    var tables: [ViewTable] { get }
    /// Whether records of PDUs, which are nearly all there are, say anything to this projection.
    var readsPDUs: Bool { get }

    func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws
}

extension Projection {
    package var readsPDUs: Bool { true }
}

/// Projections in their order, with those apart that PDUs concern.
struct ProjectionLineup: Sendable {
    let all: [any Projection]
    let forPDUs: [any Projection]

    init(_ projections: [any Projection]) {
        all = projections
        forPDUs = projections.filter(\.readsPDUs)
    }

    func concerned(by record: DecodedRecord) -> [any Projection] {
        if case .pdu = record.fact { return forPDUs }
        return all
    }
}
