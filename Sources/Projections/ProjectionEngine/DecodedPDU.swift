import KeyValueStore
import CanonicalJSON
package import LogEvents
package import ReadModel

/// A recorded PDU, taken apart and rendered for clients before it reaches the projections.
///
/// This is most of the work of a replay and touches no table, so it runs beside the writing.
package struct DecodedPDU: Sendable {
    package let verdict: PDURecorded.Verdict
    package let roomVersion: String
    package let roomID: String
    package let eventID: String
    package let eventIDHash: UInt64
    package let setsOwnEntry: Bool
    package let isOutlier: Bool
    package let transaction: EventRow.Transaction?
    /// The key of `events.transactions`, as two numbers; nil when no local client's transaction made the event.
    package let transactionHash: (UInt64, UInt64)?
    /// The event it redacts, when that was judged effective.
    package let redacts: String?
    package let stateDelta: [PDURecorded.StateChange]

    package let type: String
    package let sender: String
    package let stateKey: String?
    package let depth: Int64
    package let originServerTS: Int64
    package let prevEvents: [String]
    package let membership: StoredMembership
    /// Of a member event: `{"avatar_url":…,"display_name":…}`; otherwise empty.
    package let memberProfileJSON: [UInt8]
    package let flags: EventRow.Flags
    /// See ``EventRow/clientJSON``.
    package let clientJSON: [UInt8]

    /// Whether the event stands in the room's timeline.
    package var isInTimeline: Bool { verdict == .accepted && !isOutlier }
    package var isMember: Bool { membership != .none }

    package init(payload: [UInt8]) throws(PayloadError) {
        let fact = try PDURecorded(payload: payload)
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(parsing: fact.pdu, limits: .stored)
        } catch {
            throw PayloadError(kind: "PDURecorded", reason: "the PDU is not JSON: \(error)")
        }
        let root = document.root
        guard let type = root["type"], let typeText = type.string, let sender = root["sender"],
            let senderText = sender.string, let depth = root["depth"]?.integer,
            let timestamp = root["origin_server_ts"], let timestampNumber = timestamp.integer,
            let content = root["content"], content.kind == .object
        else { throw PayloadError(kind: "PDURecorded", reason: "the PDU lacks a member") }

        verdict = fact.verdict
        roomVersion = fact.roomVersion
        roomID = fact.roomID
        eventID = fact.eventID
        eventIDHash = FixedHash.short(fact.eventID)
        setsOwnEntry = fact.setsOwnEntry
        isOutlier = fact.isOutlier
        redacts = fact.redacts
        stateDelta = fact.stateDelta
        self.type = typeText
        self.sender = senderText
        let stateKeyView = root["state_key"]
        stateKey = stateKeyView?.string
        self.depth = depth
        originServerTS = timestampNumber
        prevEvents = Self.prevEvents(root)
        transaction = fact.sentBy.map {
            EventRow.Transaction(deviceID: $0.deviceID, transactionID: $0.transactionID)
        }
        transactionHash = fact.sentBy.map {
            Self.transactionHash(user: senderText, $0, room: fact.roomID)
        }
        let isMember = stateKey != nil && type.isString("m.room.member")
        membership = isMember ? content["membership"]?.string.flatMap(StoredMembership.init(text:)) ?? .none : .none
        memberProfileJSON = isMember ? MemberProfile.json(content: content) : []
        flags = Self.flags(fact, type: type, content: content, isState: stateKey != nil)
        clientJSON = ClientEventJSON.render(
            eventID: fact.eventID,
            type: type.rawBytes,
            sender: sender.rawBytes,
            originServerTS: timestamp.rawBytes,
            stateKey: stateKeyView?.rawBytes,
            redacts: root["redacts"],
            isRedaction: type.isString("m.room.redaction"),
            content: content
        )
    }

    private static func prevEvents(_ root: JSONView) -> [String] {
        guard let elements = root["prev_events"]?.elements else { return [] }
        var ids: [String] = []
        for element in elements {
            if let id = element.string {
                ids.append(id)
            } else if var pair = element.elements, let id = pair.next()?.string {
                // Room versions 1 and 2 have pairs of an id and hashes.
                ids.append(id)
            }
        }
        return ids
    }

    private static func transactionHash(
        user: String, _ sentBy: PDURecorded.ClientTransaction, room: String
    ) -> (UInt64, UInt64) {
        let key = ViewKeys.transaction(
            user: user, deviceID: sentBy.deviceID, transactionID: sentBy.transactionID, room: room)
        return key.withUnsafeBytes { bytes in
            guard bytes.count == 16 else { return (0, 0) }
            return (
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }

    private static func flags(
        _ fact: PDURecorded, type: JSONView, content: JSONView, isState: Bool
    ) -> EventRow.Flags {
        var flags: EventRow.Flags = []
        if isState { flags.insert(.state) }
        if fact.verdict == .softFailed { flags.insert(.softFailed) }
        if fact.verdict == .rejected { flags.insert(.rejected) }
        if fact.isOutlier { flags.insert(.outlier) }
        if content["m.mentions"] != nil { flags.insert(.mentions) }
        if !isState, isMessage(type, content) { flags.insert(.notifies) }
        return flags
    }

    /// `.m.rule.message`, `.m.rule.encrypted` and stickers, without `.m.rule.suppress_notices` ("content.msgtype" is
    /// "m.notice") and `.m.rule.suppress_edits` ("content.m\.relates_to.rel_type" is "m.replace").
    private static func isMessage(_ type: JSONView, _ content: JSONView) -> Bool {
        if type.isString("m.room.message") {
            if content["msgtype"]?.isString("m.notice") == true { return false }
        } else if !type.isString("m.room.encrypted"), !type.isString("m.sticker") {
            return false
        }
        return content["m.relates_to"]?["rel_type"]?.isString("m.replace") != true
    }
}
