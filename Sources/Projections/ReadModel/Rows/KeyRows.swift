package import KeyValueStore

/// What others may know of a device: its name and its identity keys.
package struct KeyDeviceRow {
    /// The display name as JSON; empty when it has none.
    package var nameJSON: UnsafeRawBufferPointer
    /// The identity keys with all signatures of their owner, canonical, without `unsigned`; empty when there are none.
    package var keysJSON: UnsafeRawBufferPointer

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        nameJSON = try input.readFramedSlice()
        keysJSON = input.readRest()
    }

    package static func encoded(nameJSON: [UInt8], keysJSON: [UInt8]) -> ByteWriter {
        var out = ByteWriter(capacity: nameJSON.count + keysJSON.count + 4)
        out.writeFramed(nameJSON)
        out.writeBytes(keysJSON)
        return out
    }
}

/// How many keys a device has to give away.
package struct KeyStockRow: Hashable, Sendable {
    package struct Fallback: Hashable, Sendable {
        package var algorithm: String
        /// `<algorithm>:<key id>`.
        package var name: String
        package var json: [UInt8]
        package var isUsed: Bool

        package init(algorithm: String, name: String, json: [UInt8], isUsed: Bool) {
            self.algorithm = algorithm
            self.name = name
            self.json = json
            self.isUsed = isUsed
        }
    }

    package struct Count: Hashable, Sendable {
        package var algorithm: String
        package var number: UInt32
    }

    /// The version of the device's stream; it outlives the device, for one of the same id.
    package var streamVersion: UInt64
    /// One-time keys by algorithm, in the order of the first upload.
    package var counts: [Count] = []
    package var fallbacks: [Fallback] = []

    package init(streamVersion: UInt64) {
        self.streamVersion = streamVersion
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        streamVersion = try input.readVarint()
        for _ in 0..<(try input.readVarint()) {
            let algorithm = try input.readFramedString()
            counts.append(Count(algorithm: algorithm, number: try input.readUInt32()))
        }
        while input.remaining > 0 {
            let isUsed = try input.readUInt8() != 0
            let algorithm = try input.readFramedString()
            let name = try input.readFramedString()
            fallbacks.append(
                Fallback(algorithm: algorithm, name: name, json: try input.readFramedBytes(), isUsed: isUsed))
        }
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 64 + fallbacks.reduce(0) { $0 + $1.json.count + 64 })
        out.writeVarint(streamVersion)
        out.writeVarint(UInt64(counts.count))
        for count in counts {
            out.writeFramed(count.algorithm)
            out.write(count.number)
        }
        for fallback in fallbacks {
            out.write(UInt8(fallback.isUsed ? 1 : 0))
            out.writeFramed(fallback.algorithm)
            out.writeFramed(fallback.name)
            out.writeFramed(fallback.json)
        }
        return out
    }

    package func count(of algorithm: String) -> UInt32 {
        counts.first { $0.algorithm.utf8.elementsEqual(algorithm.utf8) }?.number ?? 0
    }

    /// Changes a count; it never goes below zero.
    package mutating func change(_ algorithm: String, by difference: Int64) {
        let index = counts.firstIndex { $0.algorithm.utf8.elementsEqual(algorithm.utf8) }
        let before = index.map { Int64(counts[$0].number) } ?? 0
        let after = UInt32(clamping: before &+ difference)
        if let index {
            counts[index].number = after
        } else {
            counts.append(Count(algorithm: algorithm, number: after))
        }
    }
}

/// A one-time key that nobody has claimed.
package struct OneTimeKeyRow {
    /// `<algorithm>:<key id>`.
    package var name: String
    package var json: UnsafeRawBufferPointer

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        name = try input.readFramedString()
        json = input.readRest()
    }

    package static func encoded(name: String, json: [UInt8]) -> ByteWriter {
        var out = ByteWriter(capacity: name.utf8.count + json.count + 2)
        out.writeFramed(name)
        out.writeBytes(json)
        return out
    }
}

/// A user's dehydrated device.
package struct DehydratedDeviceRow: Hashable, Sendable {
    package var deviceID: String
    package var dataJSON: [UInt8]

    package init(deviceID: String, dataJSON: [UInt8]) {
        self.deviceID = deviceID
        self.dataJSON = dataJSON
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        deviceID = try input.readFramedString()
        dataJSON = Array(input.readRest())
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: deviceID.utf8.count + dataJSON.count + 2)
        out.writeFramed(deviceID)
        out.writeBytes(dataJSON)
        return out
    }
}
