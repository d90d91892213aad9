package import EventLog
package import KeyValueStore

/// One change of a user's push rules, or all their rules after it.
package struct PushRuleRow {
    /// Whether `json` is all rules; otherwise it is the change alone.
    package var isWhole: Bool
    /// How many changes have come since all rules were last written.
    package var changes: UInt64
    package var json: UnsafeRawBufferPointer

    /// All rules are written again after so many changes, so that reading them takes bounded time.
    package static let mostChanges: UInt64 = 64

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        isWhole = try input.readUInt8() != 0
        changes = try input.readVarint()
        json = input.readRest()
    }

    package static func encoded(isWhole: Bool, changes: UInt64, json: [UInt8]) -> ByteWriter {
        var out = ByteWriter(capacity: json.count + 3)
        out.write(UInt8(isWhole ? 1 : 0))
        out.writeVarint(changes)
        out.writeBytes(json)
        return out
    }
}

/// A pusher: which device of a user is notified through which gateway.
package struct PusherRow: Hashable, Sendable {
    /// The record that made it: what came before is not pushed.
    package var since: LogPosition
    /// The record that changed it last, and when.
    package var position: LogPosition
    package var changedMs: Int64
    package var deviceID: String?
    package var appID: String
    package var pushKey: String
    /// As clients see it.
    package var json: [UInt8]

    package init(
        since: LogPosition, position: LogPosition, changedMs: Int64, deviceID: String?, appID: String, pushKey: String,
        json: [UInt8]
    ) {
        self.since = since
        self.position = position
        self.changedMs = changedMs
        self.deviceID = deviceID
        self.appID = appID
        self.pushKey = pushKey
        self.json = json
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        since = try input.readPosition()
        position = try input.readPosition()
        changedMs = try input.readInt64()
        deviceID = try input.readOptionalString()
        appID = try input.readFramedString()
        pushKey = try input.readFramedString()
        json = Array(input.readRest())
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: json.count + 160)
        out.write(since.rawValue)
        out.write(position.rawValue)
        out.write(changedMs)
        out.writeOptional(deviceID)
        out.writeFramed(appID)
        out.writeFramed(pushKey)
        out.writeBytes(json)
        return out
    }
}
