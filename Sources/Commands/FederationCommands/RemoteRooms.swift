package import CanonicalJSON
package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// What a server that is in a room can be asked about it: typed requests over ``RemoteServers``.
package struct RemoteRooms: Sendable {
    let remotes: any RemoteServers

    package init(remotes: any RemoteServers) {
        self.remotes = remotes
    }

    static let federation = "/_matrix/federation/v1"
    /// Of the state of a large room: 49 MB were seen.
    private static let largestState = 256 << 20
    private static let largestEvents = 16 << 20
    /// Reading and sending the state of a large room takes the other server long.
    private static let stateTimeoutMs: Int64 = 180_000

    // MARK: Handshakes

    /// A member event for us to complete.
    package struct Template: Sendable {
        package let event: JSONObject
        package let version: RoomVersion
    }

    /// "Asks the receiving server to return information that the sending server will need to prepare" a join, knock or leave.
    ///
    /// - Throws: ``RemoteFault``.
    package func template(
        _ membership: Membership, of user: UserID, in room: RoomID, from server: ServerName
    ) async throws -> Template {
        var target = RequestTarget(
            "\(Self.federation)/make_\(membership.rawValue)", room.rawValue, user.rawValue)
        // "The room versions the sending server has support for." A leave needs none.
        if membership != .leave { target = target.adding("ver", RoomVersion.all.map(\.id)) }
        let answer = try await remotes.send(RemoteRequest(.get, target.text, of: server)).object()
        // "If not provided, the room version is assumed to be either "1" or "2"."
        let name = answer["room_version"]?.stringValue ?? "1"
        guard let event = answer["event"]?.objectValue, let version = RoomVersion.named(name) else {
            throw RemoteFault.malformed("no event of a known room version")
        }
        return Template(event: event, version: version)
    }

    /// The answer to a join.
    package struct JoinAnswer: Sendable {
        /// "The signed copy of the membership event sent to other servers by the resident server, including the resident
        /// server's signature. Required if the room version supports restricted join rules."
        package let event: JSONObject?
        package let state: [JSONObject]
        package let authChain: [JSONObject]
    }

    package func sendJoin(
        _ event: JSONObject, _ eventID: EventID, in room: RoomID, to server: ServerName
    ) async throws -> JoinAnswer {
        let target = RequestTarget("/_matrix/federation/v2/send_join", room.rawValue, eventID.rawValue)
        let document = try await document(
            RemoteRequest(
                .put, target.text, of: server, body: event, timeoutMs: Self.stateTimeoutMs,
                largestAnswer: Self.largestState))
        return JoinAnswer(
            event: document.root["event"]?.toObject(), state: try Self.events(document, "state"),
            authChain: try Self.events(document, "auth_chain"))
    }

    /// - Returns: the stripped state of the room.
    package func sendKnock(
        _ event: JSONObject, _ eventID: EventID, in room: RoomID, to server: ServerName
    ) async throws -> [JSONValue] {
        let target = RequestTarget("\(Self.federation)/send_knock", room.rawValue, eventID.rawValue)
        let answer = try await remotes.send(RemoteRequest(.put, target.text, of: server, body: event)).object()
        return answer["knock_room_state"]?.arrayValue ?? []
    }

    package func sendLeave(
        _ event: JSONObject, _ eventID: EventID, in room: RoomID, to server: ServerName
    ) async throws {
        let target = RequestTarget("/_matrix/federation/v2/send_leave", room.rawValue, eventID.rawValue)
        _ = try await remotes.send(RemoteRequest(.put, target.text, of: server, body: event)).object()
    }

    // MARK: Events

    /// "Retrieves previous events that the sender is missing", those between `earliest` and `latest`.
    package func missingEvents(
        in room: RoomID, earliest: [EventID], latest: [EventID], limit: Int, minimumDepth: Int64,
        from server: ServerName
    ) async throws -> [JSONObject] {
        let target = RequestTarget("\(Self.federation)/get_missing_events", room.rawValue)
        let body: JSONObject = [
            "earliest_events": .array(earliest.map { .string($0.rawValue) }),
            "latest_events": .array(latest.map { .string($0.rawValue) }),
            "limit": .integer(Int64(limit)),
            "min_depth": .integer(max(0, minimumDepth)),
        ]
        let document = try await document(
            RemoteRequest(
                .post, target.text, of: server, body: body, timeoutMs: 60_000, largestAnswer: Self.largestEvents))
        return Array(try Self.events(document, "events").prefix(limit))
    }

    /// "Retrieves a sliding-window history of previous PDUs that occurred in the given room", the given events among them.
    package func backfill(
        in room: RoomID, from events: [EventID], limit: Int, of server: ServerName
    ) async throws -> [JSONObject] {
        let target = RequestTarget("\(Self.federation)/backfill", room.rawValue)
            .adding("v", events.map(\.rawValue)).adding("limit", String(limit))
        let document = try await document(
            RemoteRequest(.get, target.text, of: server, timeoutMs: 20_000, largestAnswer: Self.largestEvents))
        return Array(try Self.events(document, "pdus").prefix(limit))
    }

    /// The IDs of the events of a state and of its auth chain.
    package struct StateIDs: Sendable {
        package let state: [EventID]
        package let authChain: [EventID]
    }

    /// "Retrieves a snapshot of a room's state at a given event, in the form of event IDs": the state before the event.
    package func stateIDs(at event: EventID, in room: RoomID, from server: ServerName) async throws -> StateIDs {
        let target = RequestTarget("\(Self.federation)/state_ids", room.rawValue).adding("event_id", event.rawValue)
        let document = try await document(
            RemoteRequest(
                .get, target.text, of: server, timeoutMs: Self.stateTimeoutMs, largestAnswer: Self.largestState))
        return StateIDs(
            state: try Self.eventIDs(document, "pdu_ids"), authChain: try Self.eventIDs(document, "auth_chain_ids"))
    }

    /// "Retrieves a snapshot of a room's state at a given event", with the events themselves.
    package func state(
        at event: EventID, in room: RoomID, from server: ServerName
    ) async throws -> (state: [JSONObject], authChain: [JSONObject]) {
        let target = RequestTarget("\(Self.federation)/state", room.rawValue).adding("event_id", event.rawValue)
        let document = try await document(
            RemoteRequest(
                .get, target.text, of: server, timeoutMs: Self.stateTimeoutMs, largestAnswer: Self.largestState))
        return (try Self.events(document, "pdus"), try Self.events(document, "auth_chain"))
    }

    /// One event; nil when the server does not have it or give it.
    package func event(_ eventID: EventID, from server: ServerName) async throws -> JSONObject? {
        let target = RequestTarget("\(Self.federation)/event", eventID.rawValue)
        do {
            let answer = try await remotes.send(RemoteRequest(.get, target.text, of: server)).object()
            return answer["pdus"]?.arrayValue?.first?.objectValue
        } catch RemoteFault.refused {
            return nil
        }
    }

    /// "Retrieves the complete auth chain for a given event."
    package func authChain(of event: EventID, in room: RoomID, from server: ServerName) async throws -> [JSONObject] {
        let target = RequestTarget("\(Self.federation)/event_auth", room.rawValue, event.rawValue)
        let document = try await document(
            RemoteRequest(
                .get, target.text, of: server, timeoutMs: 60_000, largestAnswer: Self.largestEvents))
        return try Self.events(document, "auth_chain")
    }

    // MARK: Reading

    private func document(_ request: RemoteRequest) async throws -> JSONDocument {
        let answer = try await remotes.send(request)
        // Errors are short: they are read as such.
        guard (200..<300).contains(answer.status) else {
            _ = try answer.object()
            throw RemoteFault.malformed("status \(answer.status)")
        }
        do {
            return try JSONDocument(parsing: answer.body, limits: .federationBody)
        } catch {
            throw RemoteFault.malformed("the body is not JSON: \(error)")
        }
    }

    private static func events(_ document: JSONDocument, _ name: String) throws(RemoteFault) -> [JSONObject] {
        guard let elements = document.root[name]?.elements else {
            throw .malformed("\(name) is no list")
        }
        return elements.compactMap { $0.toObject() }
    }

    private static func eventIDs(_ document: JSONDocument, _ name: String) throws(RemoteFault) -> [EventID] {
        guard let elements = document.root[name]?.elements else {
            throw .malformed("\(name) is no list")
        }
        return elements.compactMap { $0.string.flatMap { EventID($0) } }
    }
}
