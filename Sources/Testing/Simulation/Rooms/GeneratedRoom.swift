package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions
package import TestSupport

/// A room made from a seed: its events, and states of it that are to be resolved.
package struct GeneratedRoom: Sendable {
    package let seed: UInt64
    package let version: RoomVersion
    package let roomID: RoomID
    /// Every event.
    package internal(set) var events: [EventID: PDU] = [:]
    /// The IDs of all events that were made, parents first.
    package internal(set) var order: [EventID] = []
    /// The events that a server would have rejected, and in some rooms others at random.
    package internal(set) var rejected: Set<EventID> = []
    /// Several sets of states, each of at least two, that are to be resolved.
    package internal(set) var questions: [[NaiveState]] = []
    /// What was done to the states that no history explains, as an incomplete `/state` answer does.
    package internal(set) var tampering = 0

    /// Makes the room of a seed: the same on every machine.
    package static func generate(seed: UInt64, version: RoomVersion) throws -> GeneratedRoom {
        var generator = try RoomGenerator(seed: seed, version: version)
        try generator.run()
        return generator.room
    }

    /// The first of the sets of states.
    package var states: [NaiveState] { questions.first ?? [] }

    /// The naive resolution of this room.
    package var naive: NaiveResolution {
        NaiveResolution(version: version, roomID: roomID, events: events, rejected: rejected)
    }
}

extension GeneratedRoom {
    /// Another order in which the events may arrive: each after its auth events and previous events.
    package func shuffledOrder(_ random: inout SeededRandom) -> [EventID] {
        var waiting = order
        var arrived: Set<EventID> = []
        var result: [EventID] = []
        while !waiting.isEmpty {
            let ready = waiting.indices.filter { index in
                guard let pdu = events[waiting[index]] else { return true }
                return (pdu.authEvents + pdu.prevEvents).allSatisfy { arrived.contains($0) || !order.contains($0) }
            }
            guard let index = random.pick(Array(ready)) else { break }
            let eventID = waiting.remove(at: index)
            arrived.insert(eventID)
            result.append(eventID)
        }
        return result
    }
}
