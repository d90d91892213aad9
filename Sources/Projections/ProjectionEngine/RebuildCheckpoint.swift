import EventLog
import KeyValueStore
import ReadModel

/// The versions of the projections and how far a rebuild is: more entries of the table `checkpoints`.
enum RebuildCheckpoint {
    struct Begun {
        /// Names and versions of the projections.
        var label: String
        var generation: UInt32
        var position: LogPosition
    }

    private static let planKey = StoreKey().appending("rebuild/plan")
    private static let positionKey = StoreKey().appending("rebuild/position")

    private static func versionKey(_ name: String) -> StoreKey { StoreKey().appending("projection/" + name) }

    static func version(
        of name: String, _ transaction: borrowing ReadTransaction, _ checkpoints: StoreTable
    ) throws -> UInt32? {
        guard let value = try transaction.get(checkpoints, versionKey(name)) else { return nil }
        var input = ByteReader(value)
        return try input.readUInt32()
    }

    static func setVersion(
        of projection: any Projection, _ transaction: borrowing WriteTransaction, _ checkpoints: StoreTable
    ) throws {
        try transaction.put(checkpoints, versionKey(projection.name), StoreKey().appending(projection.version))
    }

    static func begun(_ transaction: borrowing ReadTransaction, _ checkpoints: StoreTable) throws -> Begun? {
        guard let value = try transaction.get(checkpoints, planKey) else { return nil }
        var input = ByteReader(value)
        let generation = try input.readUInt32()
        let label = try ByteReader.string(input.readRest())
        var position = LogPosition.none
        if let value = try transaction.get(checkpoints, positionKey) {
            var input = ByteReader(value)
            position = try input.readPosition()
        }
        return Begun(label: label, generation: generation, position: position)
    }

    static func begin(
        label: String, generation: UInt32, _ transaction: borrowing WriteTransaction, _ checkpoints: StoreTable
    ) throws {
        var plan = ByteWriter(capacity: label.utf8.count + 4)
        plan.write(generation)
        plan.writeBytes(label)
        try transaction.put(checkpoints, planKey, plan)
        try transaction.delete(checkpoints, positionKey)
    }

    static func setPosition(
        _ position: LogPosition, _ transaction: borrowing WriteTransaction, _ checkpoints: StoreTable
    ) throws {
        try transaction.put(checkpoints, positionKey, StoreKey(position.rawValue))
    }

    static func remove(_ transaction: borrowing WriteTransaction, _ checkpoints: StoreTable) throws {
        try transaction.delete(checkpoints, planKey)
        try transaction.delete(checkpoints, positionKey)
    }
}
