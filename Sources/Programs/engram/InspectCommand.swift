import ArgumentParser
import CanonicalJSON
import CommandHandling
import EventLog
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel
import ServerAssembly

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Ask the data what happened and why. Only reads; works beside a running server.",
        subcommands: [
            InspectEvent.self, InspectRoom.self, InspectUser.self, InspectAuthChain.self, InspectGraph.self,
            InspectState.self, InspectDiff.self, InspectWhy.self,
        ]
    )
}

/// What every `inspect` verb opens.
struct Inspection {
    let log: LogReader
    let queries: ReadOnlyQueries

    init(_ source: ConfigOption) throws {
        let data = try source.dataDirectory()
        log = try LogReader(directory: data.log)
        queries = try ReadOnlyQueries(data: data)
    }

    func record(of event: String) throws -> EventRecord {
        guard let id = EventID(event) else { throw ValidationError("\(event) is not an event ID.") }
        guard let position = try queries.rooms.eventPosition(id), let record = try log.record(at: position) else {
            throw ValidationError("The log has no event \(event).")
        }
        return record
    }

    func room(_ text: String) throws -> RoomID {
        guard let room = RoomID(text) else { throw ValidationError("\(text) is not a room ID.") }
        guard try queries.rooms.head(room) != nil else { throw ValidationError("This server knows no room \(text).") }
        return room
    }
}

struct InspectEvent: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "event", abstract: "Print an event's record.")
    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Argument(help: "The event ID.") var event: String

    func run() throws {
        let json = RecordText.json(try Inspection(source).record(of: event))
        output.show(json, text: PrettyJSON.text(json))
    }
}

struct InspectRoom: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "room", abstract: "Print where a room stands: version, head, members, current state.")
    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Argument(help: "The room ID.") var room: String

    func run() throws {
        let inspection = try Inspection(source)
        let id = try inspection.room(room)
        guard let head = try inspection.queries.rooms.head(id) else { return }
        let state = try inspection.queries.rooms.fullState(id)
        let json: JSONValue = [
            "room_id": .string(room), "version": .string(head.roomVersion),
            "last_position": .integer(Int64(clamping: head.lastTimelinePosition.rawValue)),
            "depth": .integer(head.maxDepth), "events": .integer(Int64(clamping: head.eventCount)),
            "joined": .integer(Int64(head.joinedCount)), "invited": .integer(Int64(head.invitedCount)),
            "stream_version": .integer(Int64(clamping: head.streamVersion)),
            "forward_extremities": .array(head.forwardExtremities.map(JSONValue.string)),
            "state": .array(try state.map(StateText.json)),
        ]
        output.show(json, text: PrettyJSON.text(json))
    }
}

struct InspectUser: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Print a local user's account, devices, profile and rooms.")
    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Argument(help: "The user ID.") var user: String

    func run() throws {
        let inspection = try Inspection(source)
        guard let id = UserID(user) else { throw ValidationError("\(user) is not a user ID.") }
        guard let account = try inspection.queries.accounts.account(id) else {
            throw ValidationError("There is no account \(user) here.")
        }
        let devices = try inspection.queries.accounts.devices(id).map { device -> JSONValue in
            ["device_id": .string(device.deviceID), "display_name": device.displayName.map(JSONValue.string) ?? .null]
        }
        let json: JSONValue = [
            "user_id": .string(user), "kind": .string(account.accountKind), "admin": .bool(account.isAdmin),
            "locked": .bool(account.isLocked), "suspended": .bool(account.isSuspended),
            "deactivated": .bool(account.isDeactivated), "created": .string(WallClock.text(account.createdMs)),
            "devices": .array(devices),
            "profile": .object(try inspection.queries.accounts.profile(id) ?? [:]),
            "joined_rooms": .array(try inspection.queries.rooms.joinedRooms(id).map { .string($0.rawValue) }),
        ]
        output.show(json, text: PrettyJSON.text(json))
    }
}

struct InspectState: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "state", abstract: "Print a room's state: now, at a position of the log, before or after an event."
    )
    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Argument(help: "The room ID.") var room: String
    @Option(name: .long, help: "A position of the log; the default is now.") var at: UInt64?
    @Option(name: .long, help: "An event, also of a side branch: the state before it.") var before: String?
    @Option(name: .long, help: "An event, also of a side branch: the state after it.") var after: String?

    func run() throws {
        let inspection = try Inspection(source)
        let id = try inspection.room(room)
        var point = StatePoint.position(LogPosition(rawValue: at ?? UInt64.max - 1))
        if let before { point = try .before(StateText.eventID(before)) }
        if let after { point = try .after(StateText.eventID(after)) }
        guard let state = try inspection.queries.rooms.fullState(id, at: point) else {
            throw ValidationError("The room \(room) has no such event here.")
        }
        try output.show(
            .array(try state.map(StateText.json)),
            text: try state.map(StateText.line).joined(separator: "\n"))
    }
}

struct InspectDiff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Print what is different in a room's state at two positions of the log, or after two events.")
    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Argument(help: "The room ID.") var room: String
    @Argument(help: "A position of the log, or an event ID for the state after that event.") var from: String
    @Argument(help: "The other one.") var to: String

    func run() throws {
        let inspection = try Inspection(source)
        let id = try inspection.room(room)
        let found = try inspection.queries.rooms.differences(
            id, from: try StateText.point(from), to: try StateText.point(to))
        guard let found else { throw ValidationError("The room \(room) has no such event here.") }
        var json: [JSONValue] = []
        var lines: [String] = []
        for difference in found {
            json.append([
                "entry": .string("\(difference.type) [\(difference.stateKey)]"),
                "before": try difference.before.map(StateText.json) ?? .null,
                "after": try difference.after.map(StateText.json) ?? .null,
            ])
            if let old = difference.before { lines.append("- " + (try StateText.line(old))) }
            if let new = difference.after { lines.append("+ " + (try StateText.line(new))) }
        }
        output.show(.array(json), text: lines.isEmpty ? "no difference" : lines.joined(separator: "\n"))
    }
}

/// Entries of room state as text and JSON.
enum StateText {
    /// A position, or an event ID for the state after that event.
    static func point(_ text: String) throws -> StatePoint {
        if let position = UInt64(text) { return .position(LogPosition(rawValue: position)) }
        return .after(try eventID(text))
    }

    static func eventID(_ text: String) throws -> EventID {
        guard let eventID = EventID(text) else { throw ValidationError("\(text) is not an event ID.") }
        return eventID
    }

    static func entry(_ event: StoredEvent) -> String { "\(event.type) [\(event.stateKey ?? "")]" }

    static func line(_ event: StoredEvent) throws -> String {
        let content = String(decoding: try event.content().canonicalBytes(), as: UTF8.self)
        return "\(entry(event)) = \(content)  (\(event.eventID) at \(event.position), by \(event.sender))"
    }

    static func json(_ event: StoredEvent) throws -> JSONValue {
        [
            "type": .string(event.type), "state_key": .string(event.stateKey ?? ""),
            "event_id": .string(event.eventID.rawValue), "sender": .string(event.sender.rawValue),
            "position": .integer(Int64(clamping: event.position.rawValue)), "content": .object(try event.content()),
        ]
    }
}
