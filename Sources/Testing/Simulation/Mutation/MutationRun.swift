internal import CanonicalJSON
internal import EventAuthorization
internal import EventSigning
internal import MatrixEvents
internal import MatrixIdentifiers
package import RoomVersions
internal import TestSupport

/// Feeds spoilt events of one generated room to the parser, the redaction, the authorization rules and the resolution.
///
/// Reaching the end is the result: a trap ends the process. What comes of a spoilt event does not matter, except that both
/// resolutions must agree on a room that holds one.
package struct MutationRun: Sendable {
    /// Events that were spoilt.
    package private(set) var mutated = 0
    /// Spoilt events that still are PDUs.
    package private(set) var parsed = 0
    /// Spoilt PDUs that the rules allowed, as the event or as part of the state.
    package private(set) var allowed = 0
    /// Resolutions of rooms with a spoilt event in it.
    package private(set) var resolved = 0
    /// Where the resolutions differ, in words.
    package private(set) var differences: [String] = []

    package init(seed: UInt64, version: RoomVersion, count: Int) throws {
        let room = try GeneratedRoom.generate(seed: seed, version: version)
        var random = SeededRandom(seed: seed ^ 0xA5A5)
        for _ in 0..<count {
            guard let eventID = random.pick(room.order), let pdu = room.events[eventID] else { continue }
            mutated += 1
            spoilBytes(of: pdu, version: version, &random)
            let object = JSONMutation.mutate(pdu.object, &random)
            _ = Redaction.redacted(object, version: version)
            _ = try? ReferenceHash.eventID(of: object, version: version)
            guard let spoilt = try? PDU(draft: object, version: version) else { continue }
            _ = try? PDU(object: object, version: version)
            parsed += 1
            authorize(spoilt, eventID: eventID, instead: pdu, in: room, &random)
            try resolve(room, with: spoilt, as: eventID)
        }
    }

    private func spoilBytes(of pdu: PDU, version: RoomVersion, _ random: inout SeededRandom) {
        _ = try? PDU(parsing: JSONMutation.mutate(pdu.bytes, &random), version: version)
    }

    /// As the event itself, and as part of the state that its room's events are checked against.
    private mutating func authorize(
        _ spoilt: PDU, eventID: EventID, instead original: PDU, in room: GeneratedRoom, _ random: inout SeededRandom
    ) {
        guard let state = random.pick(room.states) else { return }
        var reader = DictionaryAuthState(state.values.compactMap { room.events[$0] })
        if isAllowed(spoilt, eventID, in: room, reader) { allowed += 1 }
        let authEvents = spoilt.authEvents.compactMap { name in
            room.events[name].map { ResolvedAuthEvent(pdu: $0, eventID: name, isRejected: false) }
        }
        _ = isAllowed(spoilt, eventID, in: room, reader, authEvents: authEvents)
        _ = AuthEventSelection.keys(for: spoilt, version: room.version)
        reader.insert(spoilt)
        for other in room.order.suffix(12) {
            if let pdu = room.events[other], isAllowed(pdu, other, in: room, reader) { allowed += 1 }
        }
    }

    private func isAllowed(
        _ pdu: PDU, _ eventID: EventID, in room: GeneratedRoom, _ state: DictionaryAuthState,
        authEvents: [ResolvedAuthEvent]? = nil
    ) -> Bool {
        do throws(AuthRejection) {
            try EventAuthorizer.check(
                pdu, eventID: eventID, roomID: room.roomID, version: room.version, state: state, authEvents: authEvents)
            return true
        } catch {
            return false
        }
    }

    private mutating func resolve(_ room: GeneratedRoom, with spoilt: PDU, as eventID: EventID) throws {
        let original = room.events[eventID]
        var room = room
        room.events[eventID] = spoilt
        // A room whose auth events are unknown or in no order, or whose state has an event under another's key, is refused.
        guard let fast = try? FastResolution(room), let actual = try? fast.resolve(room.states) else { return }
        resolved += 1
        guard let original, NaiveStateKey(original) == NaiveStateKey(spoilt) else { return }
        var naive = room.naive
        guard naive.resolve(room.states) != actual else { return }
        differences.append("seed \(room.seed), room version \(room.version): \(eventID) as \(spoilt.object)")
    }
}
