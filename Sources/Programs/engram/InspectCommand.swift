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
        commandName: "state", abstract: "Print a room's state, now or as it was at a position of the log.")
    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Argument(help: "The room ID.") var room: String
    @Option(name: .long, help: "A position of the log; the default is now.") var at: UInt64?

    func run() throws {
        let inspection = try Inspection(source)
        let id = try inspection.room(room)
        let state =
            try at.map { try inspection.queries.rooms.fullState(id, at: LogPosition(rawValue: $0)) }
            ?? inspection.queries.rooms.fullState(id)
        try output.show(
            .array(try state.map(StateText.json)),
            text: try state.map(StateText.line).joined(separator: "\n"))
    }
}

struct InspectDiff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Print what changed in a room's state between two positions of the log.")
    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Argument(help: "The room ID.") var room: String
    @Argument(help: "The earlier position.") var from: UInt64
    @Argument(help: "The later position.") var to: UInt64

    func run() throws {
        let inspection = try Inspection(source)
        let id = try inspection.room(room)
        let rooms = inspection.queries.rooms
        func byEntry(_ position: UInt64) throws -> [String: StoredEvent] {
            let state = try rooms.fullState(id, at: LogPosition(rawValue: position))
            return Dictionary(state.map { (StateText.entry($0), $0) }, uniquingKeysWith: { _, last in last })
        }
        let before = try byEntry(from)
        let after = try byEntry(to)
        var json: [JSONValue] = []
        var lines: [String] = []
        for entry in Set(before.keys).union(after.keys).sorted() where before[entry]?.eventID != after[entry]?.eventID {
            json.append([
                "entry": .string(entry), "before": try before[entry].map(StateText.json) ?? .null,
                "after": try after[entry].map(StateText.json) ?? .null,
            ])
            if let old = before[entry] { lines.append("- " + (try StateText.line(old))) }
            if let new = after[entry] { lines.append("+ " + (try StateText.line(new))) }
        }
        output.show(.array(json), text: lines.isEmpty ? "no difference" : lines.joined(separator: "\n"))
    }
}

/// Entries of room state as text and JSON.
enum StateText {
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
