package import EventLog

/// A PDU was judged: accepted, soft-failed or rejected. The payload keeps its canonical JSON exactly as signed.
///
/// Layout: format (1 byte, 1 to 3), verdict (1 byte), flags (1 byte: 1 = own slot becomes current state, 2 = outlier,
/// 4 = transaction id present, 8 = explicit state delta present, 16 = redacts an event, 32 = the state before is named,
/// 64 = adopts the room, 128 = backfilled; the last two make format 3), then length-prefixed (varint) strings:
/// room version, room id, event id; when rejected or soft-failed the rule and the reason; when flagged the device id and
/// transaction id; when flagged the redacted event's id; when flagged the delta (varint count, then type, state key and event
/// id of each; an empty event id removes the entry); when flagged, which makes it format 2 at least, the state before: origin
/// (1 byte), the id of its event and a delta of the same form; then the PDU's bytes to the end.
package struct PDURecorded: LogEvent, Hashable {
    package static let kind = RecordKind.pduRecorded

    package enum Verdict: UInt8, Sendable {
        case accepted = 0
        case softFailed = 1
        case rejected = 2
    }

    /// One entry of the room's resolved state that this event changed.
    package struct StateChange: Sendable, Hashable {
        package let type: String
        package let stateKey: String
        /// The event that now holds the entry, or nil when the entry is gone.
        package let eventID: String?

        package init(type: String, stateKey: String, eventID: String?) {
            self.type = type
            self.stateKey = stateKey
            self.eventID = eventID
        }
    }

    package var verdict: Verdict
    /// The room version's identifier, so that a reader needs no other record to parse the PDU.
    package var roomVersion: String
    package var roomID: String
    package var eventID: String
    /// The rule that rejected or soft-failed the PDU, as the room version's page numbers it; empty when accepted.
    package var rule: String
    package var reason: String
    /// Whether the event, being a state event, becomes its entry's value in the room's current state.
    package var setsOwnEntry: Bool
    package var isOutlier: Bool
    /// The event is the join by which this server comes to know the room: `stateDelta` is the whole change of the current
    /// state, the event becomes the only forward extremity, and the state before it is the state after it but for its own
    /// entry (`stateBefore` has the origin `itself`).
    package var adopts: Bool
    /// The event came when later ones were known already: it is in the timeline at its depth, becomes no forward extremity,
    /// counts for nobody as unread and notifies nobody.
    package var isBackfilled: Bool
    /// The device and transaction id of the local client that sent it.
    package var sentBy: ClientTransaction?
    /// The event that this one redacts, when the redaction was judged effective.
    package var redacts: String?
    /// What state resolution changed beyond (or instead of) the event's own entry.
    package var stateDelta: [StateChange]
    /// The state before the event; nil when that is the room's current state just before this record, as it is in a room
    /// without forks, and for outliers, whose state nobody knows.
    package var stateBefore: StateBefore?
    /// Canonical JSON as signed.
    package var pdu: [UInt8]

    /// The state before an event of a fork: a state that earlier records fix, and what is different from it.
    package struct StateBefore: Sendable, Hashable {
        package enum Origin: UInt8, Sendable {
            /// No entries at all; names no event.
            case empty = 0
            /// The state after the named event, which counts the event itself unless it was rejected.
            case after = 1
            /// The state before the named event.
            case before = 2
            /// The state after this very event; names no event. Of adopting records only: the delta has the event's own entry.
            case itself = 3
        }

        package let origin: Origin
        package let eventID: String
        package let delta: [StateChange]

        package init(origin: Origin, eventID: String, delta: [StateChange] = []) {
            self.origin = origin
            self.eventID = eventID
            self.delta = delta
        }
    }

    /// Where a client's transaction id is valid: one device.
    package struct ClientTransaction: Sendable, Hashable {
        package let deviceID: String
        package let transactionID: String

        package init(deviceID: String, transactionID: String) {
            self.deviceID = deviceID
            self.transactionID = transactionID
        }
    }

    package init(
        verdict: Verdict,
        roomVersion: String,
        roomID: String,
        eventID: String,
        rule: String = "",
        reason: String = "",
        setsOwnEntry: Bool,
        isOutlier: Bool = false,
        adopts: Bool = false,
        isBackfilled: Bool = false,
        sentBy: ClientTransaction? = nil,
        redacts: String? = nil,
        stateDelta: [StateChange] = [],
        stateBefore: StateBefore? = nil,
        pdu: [UInt8]
    ) {
        self.verdict = verdict
        self.roomVersion = roomVersion
        self.roomID = roomID
        self.eventID = eventID
        self.rule = rule
        self.reason = reason
        self.setsOwnEntry = setsOwnEntry
        self.isOutlier = isOutlier
        self.adopts = adopts
        self.isBackfilled = isBackfilled
        self.sentBy = sentBy
        self.redacts = redacts
        self.stateDelta = stateDelta
        self.stateBefore = stateBefore
        self.pdu = pdu
    }

    package func payload() -> [UInt8] {
        var out = PayloadWriter(capacity: pdu.count + 192)
        // What older programs can read is written as they read it.
        out.byte(adopts || isBackfilled || stateBefore?.origin == .itself ? 3 : stateBefore == nil ? 1 : 2)
        out.byte(verdict.rawValue)
        var flags: UInt8 = setsOwnEntry ? 1 : 0
        if isOutlier { flags |= 2 }
        if sentBy != nil { flags |= 4 }
        if !stateDelta.isEmpty { flags |= 8 }
        if redacts != nil { flags |= 16 }
        if stateBefore != nil { flags |= 32 }
        if adopts { flags |= 64 }
        if isBackfilled { flags |= 128 }
        out.byte(flags)
        out.string(roomVersion)
        out.string(roomID)
        out.string(eventID)
        if verdict != .accepted {
            out.string(rule)
            out.string(reason)
        }
        if let sentBy {
            out.string(sentBy.deviceID)
            out.string(sentBy.transactionID)
        }
        if let redacts { out.string(redacts) }
        if !stateDelta.isEmpty { Self.write(stateDelta, to: &out) }
        if let stateBefore {
            out.byte(stateBefore.origin.rawValue)
            out.string(stateBefore.eventID)
            Self.write(stateBefore.delta, to: &out)
        }
        out.bytes.append(contentsOf: pdu)
        return out.bytes
    }

    private static func write(_ delta: [StateChange], to out: inout PayloadWriter) {
        out.varint(UInt64(delta.count))
        for change in delta {
            out.string(change.type)
            out.string(change.stateKey)
            out.string(change.eventID ?? "")
        }
    }

    private static func readDelta(_ input: inout PayloadReader) throws(PayloadError) -> [StateChange] {
        let count = try input.varint()
        guard count <= UInt64(input.remaining) else {
            throw PayloadError(kind: "PDURecorded", reason: "impossible number of state changes")
        }
        var delta: [StateChange] = []
        for _ in 0..<count {
            let type = try input.string()
            let stateKey = try input.string()
            let eventID = try input.string()
            delta.append(StateChange(type: type, stateKey: stateKey, eventID: eventID.isEmpty ? nil : eventID))
        }
        return delta
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        var input = PayloadReader(payload, kind: "PDURecorded")
        let format = try input.byte()
        guard (1...3).contains(format) else {
            throw PayloadError(kind: "PDURecorded", reason: "unknown format; this log was made by a newer engram")
        }
        guard let verdict = Verdict(rawValue: try input.byte()) else {
            throw PayloadError(kind: "PDURecorded", reason: "unknown verdict")
        }
        self.verdict = verdict
        let flags = try input.byte()
        setsOwnEntry = flags & 1 != 0
        isOutlier = flags & 2 != 0
        adopts = format >= 3 && flags & 64 != 0
        isBackfilled = format >= 3 && flags & 128 != 0
        roomVersion = try input.string()
        roomID = try input.string()
        eventID = try input.string()
        rule = verdict == .accepted ? "" : try input.string()
        reason = verdict == .accepted ? "" : try input.string()
        if flags & 4 != 0 {
            let deviceID = try input.string()
            sentBy = ClientTransaction(deviceID: deviceID, transactionID: try input.string())
        } else {
            sentBy = nil
        }
        redacts = flags & 16 != 0 ? try input.string() : nil
        stateDelta = flags & 8 != 0 ? try Self.readDelta(&input) : []
        if format >= 2, flags & 32 != 0 {
            guard let origin = StateBefore.Origin(rawValue: try input.byte()), format >= 3 || origin != .itself else {
                throw PayloadError(kind: "PDURecorded", reason: "unknown origin of the state before")
            }
            let base = try input.string()
            stateBefore = StateBefore(origin: origin, eventID: base, delta: try Self.readDelta(&input))
        } else {
            stateBefore = nil
        }
        pdu = input.rest()
    }
}
