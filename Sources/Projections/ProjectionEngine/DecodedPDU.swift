package import LogEvents
package import ReadModel

/// A recorded PDU, taken apart and rendered for clients before it reaches the projections.
///
/// This is most of the work of a replay and touches no table, so it runs beside the writing. A class, because it passes
/// through many hands.
package final class DecodedPDU: Sendable {
    package let verdict: PDURecorded.Verdict
    package let roomVersion: String
    package let roomID: String
    package let eventID: String
    package let eventIDHash: UInt64
    package let setsOwnEntry: Bool
    package let isOutlier: Bool
    /// See ``PDURecorded/adopts``.
    package let adopts: Bool
    /// See ``PDURecorded/isBackfilled``.
    package let isBackfilled: Bool
    package let transaction: EventRow.Transaction?
    /// What its key of `events.transactions` begins with; nil when no local client's transaction made the event.
    package let transactionHash: UInt64?
    /// The event it redacts, when that was judged effective.
    package let redacts: String?
    package let stateDelta: [PDURecorded.StateChange]
    /// See ``PDURecorded/stateBefore``.
    package let stateBefore: PDURecorded.StateBefore?

    package let type: String
    package let sender: String
    package let stateKey: String?
    package let depth: Int64
    package let originServerTS: Int64
    package let prevEvents: [String]
    /// Of a state event; of others they are not read.
    package let authEvents: [String]
    package let membership: StoredMembership
    /// Of a member event: `{"avatar_url":…,"display_name":…}`; otherwise empty.
    package let memberProfileJSON: [UInt8]
    package let flags: EventRow.Flags
    /// See ``EventRow/clientJSON``.
    package let clientJSON: [UInt8]

    /// Whether the event stands in the room's timeline, be it in its past.
    package var isInTimeline: Bool { verdict == .accepted && !isOutlier }
    package var isMember: Bool { membership != .none }

    package static func decode(payload: [UInt8]) throws(PayloadError) -> DecodedPDU {
        try decode(try PDURecorded(payload: payload))
    }

    static func decode(_ fact: PDURecorded) throws(PayloadError) -> DecodedPDU {
        let made = fact.pdu.withUnsafeBufferPointer { DecodedPDU(fact, CanonicalScan(bytes: $0)) }
        guard let made else { throw PayloadError(kind: "PDURecorded", reason: "the PDU lacks a member") }
        return made
    }

    private init?(_ fact: PDURecorded, _ scan: CanonicalScan) {
        let fields = PDUFields(scan)
        guard let typeRange = fields.type, let type = scan.string(typeRange), let senderRange = fields.sender,
            let sender = scan.string(senderRange), let depth = fields.depth.flatMap(scan.integer),
            let timestampRange = fields.originServerTS, let timestamp = scan.integer(timestampRange),
            let contentRange = fields.content, scan.byte(contentRange.lowerBound) == UInt8(ascii: "{")
        else { return nil }
        let content = ContentFields(scan, at: contentRange.lowerBound)

        verdict = fact.verdict
        roomVersion = fact.roomVersion
        roomID = fact.roomID
        eventID = fact.eventID
        eventIDHash = FixedHash.short(fact.eventID)
        setsOwnEntry = fact.setsOwnEntry
        isOutlier = fact.isOutlier
        adopts = fact.adopts
        isBackfilled = fact.isBackfilled
        redacts = fact.redacts
        stateDelta = fact.stateDelta
        stateBefore = fact.stateBefore
        self.type = type
        self.sender = sender
        stateKey = fields.stateKey.flatMap(scan.string)
        self.depth = depth
        originServerTS = timestamp
        prevEvents = fields.prevEvents.map { Self.eventIDs(scan, $0) } ?? []
        authEvents = fields.stateKey == nil ? [] : fields.authEvents.map { Self.eventIDs(scan, $0) } ?? []
        transaction = fact.sentBy.map {
            EventRow.Transaction(deviceID: $0.deviceID, transactionID: $0.transactionID)
        }
        transactionHash = fact.sentBy.map {
            ViewKeys.transactionHash(
                user: sender, deviceID: $0.deviceID, transactionID: $0.transactionID, room: fact.roomID)
        }
        let isMember = stateKey != nil && scan.is(typeRange, "\"m.room.member\"")
        let membershipText = isMember ? content.membership.flatMap(scan.string) : nil
        membership = membershipText.flatMap(StoredMembership.init(text:)) ?? .none
        memberProfileJSON = isMember ? MemberProfile.json(scan, content) : []
        flags = Self.flags(fact, scan, type: typeRange, content, isState: stateKey != nil)
        let isRedaction = scan.is(typeRange, "\"m.room.redaction\"")
        clientJSON = ClientEventJSON.render(
            scan,
            ClientEventJSON.Parts(
                eventID: fact.eventID,
                type: typeRange,
                sender: senderRange,
                originServerTS: timestampRange,
                stateKey: fields.stateKey,
                redacts: isRedaction ? fields.redacts : nil,
                redactsInContent: isRedaction ? content.redacts : nil,
                content: contentRange
            ))
    }

    private static func eventIDs(_ scan: CanonicalScan, _ range: Range<Int>) -> [String] {
        var ids: [String] = []
        scan.forEachElement(of: range.lowerBound) { element in
            if let id = scan.string(element) {
                ids.append(id)
                return
            }
            // Room versions 1 and 2 have pairs of an id and hashes.
            var isFirst = true
            scan.forEachElement(of: element.lowerBound) { part in
                if isFirst, let id = scan.string(part) { ids.append(id) }
                isFirst = false
            }
        }
        return ids
    }

    private static func flags(
        _ fact: PDURecorded, _ scan: CanonicalScan, type: Range<Int>, _ content: ContentFields, isState: Bool
    ) -> EventRow.Flags {
        // Put together as a number: the operations of option sets are not inlined across modules.
        var flags: UInt8 = isState ? EventRow.Flags.state.rawValue : 0
        switch fact.verdict {
        case .accepted: break
        case .softFailed: flags |= EventRow.Flags.softFailed.rawValue
        case .rejected: flags |= EventRow.Flags.rejected.rawValue
        }
        if fact.isOutlier { flags |= EventRow.Flags.outlier.rawValue }
        if content.relatesTo != nil { flags |= EventRow.Flags.relates.rawValue }
        flags |= DefaultNotification(scan, type: type, content, isState: isState).flags
        return EventRow.Flags(rawValue: flags)
    }
}
