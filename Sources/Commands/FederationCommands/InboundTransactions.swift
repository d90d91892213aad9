package import CanonicalJSON
package import CommandHandling
import Decisions
import EventSigning
import InboundPDU
import LogEvents
package import MatrixEvents
package import MatrixIdentifiers
package import Queries
import RoomVersions
import Synchronization

/// Takes the transactions of other servers: their PDUs room by room, then their EDUs.
package final class InboundTransactions: Sendable {
    /// What is done with an EDU of a server, after the access control lists of rooms.
    package typealias EDUIntake = @Sendable (EDU, ServerName) async throws -> Void

    private let environment: CommandEnvironment
    private let admission: ServerAdmission
    private let receipt: RemoteReceipt
    private let outside: OutsideIntake
    private let takeEDU: EDUIntake
    private let turns = KeyedTurns()
    /// Answers of the last transactions, for those that are repeated.
    private let answers: Mutex<BoundedTable<String, JSONObject>>

    /// "List of persistent updates to rooms. Must not include more than 50 PDUs."
    package static let mostPDUs = 50
    private static let rememberedMs: Int64 = 600_000

    package init(
        environment: CommandEnvironment, admission: ServerAdmission, receipt: RemoteReceipt, outside: OutsideIntake,
        takeEDU: @escaping EDUIntake
    ) {
        self.environment = environment
        self.admission = admission
        self.receipt = receipt
        self.outside = outside
        self.takeEDU = takeEDU
        answers = Mutex(BoundedTable(capacity: 4096))
    }

    /// Takes a transaction; one that is repeated gets the first one's answer.
    ///
    /// - Returns: "The result of processing the transaction", when what was accepted is durable and readable.
    /// - Throws: `Rejection` for a body that is no transaction.
    package func take(
        _ body: JSONObject, id: String, from origin: ServerName, requestID: String
    ) async throws -> JSONObject {
        guard let pdus = body["pdus"]?.arrayValue ?? (body["pdus"] == nil ? [] : nil) else {
            throw Rejection.badJSON("pdus must be a list.")
        }
        guard let edus = body["edus"]?.arrayValue ?? (body["edus"] == nil ? [] : nil) else {
            throw Rejection.badJSON("edus must be a list.")
        }
        guard pdus.count <= Self.mostPDUs, edus.count <= EDU.maximumInTransaction else {
            throw Rejection.badJSON("A transaction has at most 50 PDUs and 100 EDUs.")
        }
        // A name of a server has no space in it.
        let name = "\(origin) \(id)"
        // "The sending server must wait and retry for a 200 OK response before sending a transaction with a different txnId":
        // one that is sent again while it is being worked on waits for that.
        return try await turns.run(name) {
            if let known = answers.withLock({ $0.value(name, nowMs: environment.nowMs()) }) { return known }
            let results = try await takePDUs(pdus, from: origin, requestID: requestID)
            try await takeEDUs(edus, from: origin)
            let answer: JSONObject = ["pdus": .object(results)]
            let now = environment.nowMs()
            answers.withLock { $0.set(answer, name, untilMs: now + Self.rememberedMs, nowMs: now) }
            return answer
        }
    }

    // MARK: PDUs

    private struct Arrived {
        let object: JSONObject
        let eventID: EventID
    }

    private func takePDUs(
        _ pdus: [JSONValue], from origin: ServerName, requestID: String
    ) async throws -> JSONObject {
        var byRoom: [RoomID: (version: RoomVersion?, events: [JSONObject])] = [:]
        var order: [RoomID] = []
        for pdu in pdus {
            // What names no room has no event ID that an answer could be given for.
            guard let event = pdu.objectValue, let room = event["room_id"]?.stringValue.flatMap({ RoomID($0) }) else {
                continue
            }
            if byRoom[room] == nil {
                order.append(room)
                byRoom[room] = (try receipt.version(of: room), [])
            }
            byRoom[room]?.events.append(event)
        }
        let groups = order.map { room in (room, byRoom[room]?.version, byRoom[room]?.events ?? []) }
        return try await withThrowingTaskGroup(of: [(EventID, String?)].self, returning: JSONObject.self) { group in
            for (room, version, events) in groups {
                group.addTask { [self] in
                    try await take(events, of: room, version, from: origin, requestID: requestID)
                }
            }
            var results = JSONObject()
            for try await part in group {
                for (eventID, error) in part {
                    // "If no error is present, the PDU can be considered successfully handled."
                    results[eventID.rawValue] = error.map { ["error": .string($0)] } ?? [:]
                }
            }
            return results
        }
    }

    /// The PDUs of one room, one after the other.
    ///
    /// - Returns: for each that has an ID, why it was not taken; nil when it was.
    private func take(
        _ events: [JSONObject], of room: RoomID, _ version: RoomVersion?, from origin: ServerName, requestID: String
    ) async throws -> [(EventID, String?)] {
        guard let version, try admission.census.isJoined(environment.serverName, to: room) else {
            return try await outside.take(events, of: room, from: origin, requestID: requestID)
        }
        do {
            // "ACLs MUST be applied to all PDUs on a per-PDU basis. If the sending server is denied access to the room
            // identified by `room_id`, the PDU MUST be ignored with an appropriate error included in the response".
            try admission.requirePermitted(origin, room: room)
        } catch let refusal as QueryRefusal {
            return events.compactMap { event in
                Self.eventID(of: event, version).map { ($0, refusal.message) }
            }
        }
        var results: [(EventID, String?)] = []
        for event in events {
            guard let eventID = Self.eventID(of: event, version) else { continue }
            let error = try await receipt.receive(event, of: room, version, from: origin, requestID: requestID)
            results.append((eventID, error))
        }
        return results
    }

    static func eventID(of event: JSONObject, _ version: RoomVersion) -> EventID? {
        try? ReferenceHash.eventID(of: event, version: version)
    }

    // MARK: EDUs

    private func takeEDUs(_ edus: [JSONValue], from origin: ServerName) async throws {
        for value in edus {
            guard let edu = EDU(value) else { continue }
            let permitted = try edu.keepingRooms { room in
                do {
                    try admission.requirePermitted(origin, room: room)
                    return true
                } catch is QueryRefusal {
                    return false
                }
            }
            guard let permitted else { continue }
            try await takeEDU(permitted, origin)
        }
    }
}
