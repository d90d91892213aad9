import KeyValueStore

/// The log's few facts about itself, each an entry of the table `meta`.
enum LogMeta {
    static let format = "format"
    static let logID = "log"
    static let epoch = "epoch"
    static let checkpoint = "checkpoint"
    static let scrub = "scrub"

    static let currentFormat: UInt32 = 1

    /// What the entry `epoch` says.
    struct Epoch: Sendable {
        var number: UInt32
        var identifier: [UInt8]

        init(number: UInt32, identifier: [UInt8]) {
            self.number = number
            self.identifier = identifier
        }

        init(_ bytes: UnsafeRawBufferPointer) throws(ByteFault) {
            var reader = ByteReader(bytes)
            number = try reader.readUInt32()
            identifier = Array(reader.readRest())
        }

        var bytes: [UInt8] {
            var writer = ByteWriter()
            writer.write(number)
            writer.writeBytes(identifier)
            return writer.bytes
        }
    }

    /// What the entry `checkpoint` says: the last checkpoint's place and time.
    struct Checkpoint: Sendable {
        var position: UInt64 = 0
        var wallTimeMs: Int64 = 0

        init(position: UInt64 = 0, wallTimeMs: Int64 = 0) {
            self.position = position
            self.wallTimeMs = wallTimeMs
        }

        init(_ bytes: UnsafeRawBufferPointer) throws(ByteFault) {
            var reader = ByteReader(bytes)
            position = try reader.readUInt64()
            wallTimeMs = try reader.readInt64()
        }

        var bytes: [UInt8] {
            var writer = ByteWriter()
            writer.write(position)
            writer.write(wallTimeMs)
            return writer.bytes
        }
    }
}
