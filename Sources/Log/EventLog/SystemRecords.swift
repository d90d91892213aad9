package import KeyValueStore

/// The payload of a checkpoint record: the chain's head before it, signed.
struct CheckpointPayload {
    var position: UInt64
    var chain: Hash32
    var signature: [UInt8]

    /// What is signed. The log's own number is in it, so a checkpoint of one log says nothing about another.
    static func signedBytes(logID: [UInt8], position: UInt64, chain: Hash32) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeBytes("engram checkpoint 1")
        writer.writeBytes(logID)
        writer.write(position)
        writer.writeBytes(chain.bytes)
        return writer.bytes
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.write(position)
        writer.writeBytes(chain.bytes)
        writer.writeFramed(signature)
        return writer.bytes
    }

    init(position: UInt64, chain: Hash32, signature: [UInt8]) {
        self.position = position
        self.chain = chain
        self.signature = signature
    }

    init(_ payload: UnsafeRawBufferPointer) throws(ByteFault) {
        var reader = ByteReader(payload)
        position = try reader.readUInt64()
        guard let hash = Hash32(try reader.readSlice(count: 32)) else { throw .truncated }
        chain = hash
        signature = try reader.readFramedBytes()
        try reader.expectEnd()
    }
}

/// The payload of an erasure record: which payloads were destroyed, what was left in their place, who and why.
package struct Erasure: Sendable {
    /// One erased record.
    package struct Item: Sendable {
        package var position: LogPosition
        /// Digest of what was left in the payload's place.
        var replacement: Hash32
    }

    package internal(set) var items: [Item]
    package let actor: String
    package let reason: String

    init(items: [Item], actor: String, reason: String) {
        self.items = items
        self.actor = actor
        self.reason = reason
    }

    /// Reads the payload of a record of kind `erasure`.
    package init(payload: [UInt8]) throws(ByteFault) {
        self = try payload.withStoreBytes { (bytes: UnsafeRawBufferPointer) throws(ByteFault) -> Erasure in
            var reader = ByteReader(bytes)
            var items: [Item] = []
            for _ in 0..<(try reader.readVarint()) {
                let position = LogPosition(rawValue: try reader.readVarint())
                guard let hash = Hash32(try reader.readSlice(count: 32)) else { throw .truncated }
                items.append(Item(position: position, replacement: hash))
            }
            let actor = try reader.readFramedString()
            let reason = try reader.readFramedString()
            try reader.expectEnd()
            return Erasure(items: items, actor: actor, reason: reason)
        }
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.writeVarint(UInt64(items.count))
        for item in items {
            writer.writeVarint(item.position.rawValue)
            writer.writeBytes(item.replacement.bytes)
        }
        writer.writeFramed(actor)
        writer.writeFramed(reason)
        return writer.bytes
    }

    /// The positions a record erased; none when it is no erasure.
    package static func positions(in record: EventRecord) -> [LogPosition] {
        guard record.kind == .erasure, let erasure = try? Erasure(payload: record.payload) else { return [] }
        return erasure.items.map(\.position)
    }
}

/// The payload of an `epochOpened` record.
package struct EpochOpening: Sendable {
    package let number: UInt64
    package let identifier: [UInt8]
    package let reason: String

    init(number: UInt64, identifier: [UInt8], reason: String) {
        self.number = number
        self.identifier = identifier
        self.reason = reason
    }

    /// Reads the payload of a record of kind `epochOpened`.
    package init(payload: [UInt8]) throws(ByteFault) {
        self = try payload.withStoreBytes { (bytes: UnsafeRawBufferPointer) throws(ByteFault) -> EpochOpening in
            var reader = ByteReader(bytes)
            let number = try reader.readVarint()
            let identifier = try reader.readFramedBytes()
            let reason = try reader.readFramedString()
            try reader.expectEnd()
            return EpochOpening(number: number, identifier: identifier, reason: reason)
        }
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.writeVarint(number)
        writer.writeFramed(identifier)
        writer.writeFramed(reason)
        return writer.bytes
    }
}
