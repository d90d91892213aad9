package import KeyValueStore

/// An event that is to be sent later, or was.
package struct DelayedEventRow: Hashable, Sendable {
    package var user: UserNum
    /// Records of its stream: what is decided about it is decided on this version.
    package var version: UInt64
    package var delayID: String
    package var roomID: String
    package var type: String
    package var stateKey: String?
    package var delayMs: Int64
    /// When it was scheduled or last began anew.
    package var scheduledMs: Int64
    /// When it was sent or given up; 0 while it is scheduled.
    package var finalisedMs: Int64 = 0
    package var eventID: String?
    /// JSON; empty unless it could not be sent.
    package var error: [UInt8] = []
    package var deviceID: String?
    package var transactionID: String?
    package var content: [UInt8]

    package init(
        user: UserNum, version: UInt64, delayID: String, roomID: String, type: String, stateKey: String?,
        delayMs: Int64, scheduledMs: Int64, deviceID: String?, transactionID: String?, content: [UInt8]
    ) {
        self.user = user
        self.version = version
        self.delayID = delayID
        self.roomID = roomID
        self.type = type
        self.stateKey = stateKey
        self.delayMs = delayMs
        self.scheduledMs = scheduledMs
        self.deviceID = deviceID
        self.transactionID = transactionID
        self.content = content
    }

    package var isScheduled: Bool { finalisedMs == 0 }

    package var dueMs: Int64 {
        let (sum, overflows) = scheduledMs.addingReportingOverflow(delayMs)
        return overflows ? .max : max(0, sum)
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        user = try input.readUser()
        version = try input.readVarint()
        delayMs = try input.readInt64()
        scheduledMs = try input.readInt64()
        finalisedMs = try input.readInt64()
        delayID = try input.readFramedString()
        roomID = try input.readFramedString()
        type = try input.readFramedString()
        stateKey = try input.readOptionalString()
        eventID = try input.readOptionalString()
        deviceID = try input.readOptionalString()
        transactionID = try input.readOptionalString()
        error = try input.readFramedBytes()
        content = Array(input.readRest())
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 256 + content.count)
        out.write(user.rawValue)
        out.writeVarint(version)
        out.write(delayMs)
        out.write(scheduledMs)
        out.write(finalisedMs)
        out.writeFramed(delayID)
        out.writeFramed(roomID)
        out.writeFramed(type)
        out.writeOptional(stateKey)
        out.writeOptional(eventID)
        out.writeOptional(deviceID)
        out.writeOptional(transactionID)
        out.writeFramed(error)
        out.writeBytes(content)
        return out
    }
}
