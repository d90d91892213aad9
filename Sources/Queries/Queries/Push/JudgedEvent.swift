import CanonicalJSON
import EventLog
import KeyValueStore
import MatrixEvents
import MatrixIdentifiers
import PushRules
import ReadModel
import RoomVersions

/// An event before the push rules of users, with the room as it was when the event came: whoever asks later, also after a
/// rebuild, gets the same answer.
final class JudgedEvent: PushSurroundings {
    let row: EventRow
    let position: LogPosition
    /// Nil when nothing is left to judge: the event was redacted or erased.
    let event: PushEvent?
    private let snapshot: Snapshot
    private var members: UInt64?
    private var levels: PowerLevels??

    /// - Parameter flags: of its place in the timeline.
    init(_ snapshot: Snapshot, at position: LogPosition, flags: EventRow.Flags) throws {
        self.snapshot = snapshot
        self.position = position
        let row = try snapshot.event(at: position)
        self.row = row
        let isGone = row.flags.contains(.redacted) || Self.isErased(row, flags)
        let object = isGone ? nil : try Self.parse(row)
        event = try object.map { object in
            PushEvent(object, roomID: String(decoding: try snapshot.text(row.room), as: UTF8.self))
        }
    }

    /// An erasure leaves a message without content, and without the flags that one sent so would have.
    private static func isErased(_ row: EventRow, _ flags: EventRow.Flags) -> Bool {
        guard !row.isState, flags.isDisjoint(with: [.notifies, .mentions]),
            row.clientJSON.suffix(12).elementsEqual("\"content\":{}".utf8)
        else { return false }
        return row.hasType("m.room.message") || row.hasType("m.room.encrypted") || row.hasType("m.call.invite")
    }

    private static func parse(_ row: EventRow) throws -> JSONObject? {
        var closed = [UInt8](row.clientJSON)
        closed.append(UInt8(ascii: "}"))
        return try JSONObject.parse(closed, limits: .renderedEvent)
    }

    func outcome(
        _ rules: CompiledPushRules, owner: @autoclosure () throws -> String, isNamed: Bool = true
    ) throws -> PushOutcome? {
        guard let event else { return nil }
        return try rules.outcome(for: event, owner: try owner(), isNamed: isNamed, self)
    }

    // MARK: The room at the event

    func memberCount() throws -> UInt64 {
        if let members { return members }
        var found: UInt64 = 0
        let key = ViewKeys.memberCount(row.room, position)
        if let entry = try snapshot.lastAtOrBefore(snapshot.tables.membersCounts, key),
            entry.key.number(at: 0) == row.room.rawValue
        {
            var input = ByteReader(entry.value)
            found = try input.readVarint()
        }
        members = found
        return found
    }

    /// "Matches any message from a sender with the proper power level".
    func senderMayNotify(_ name: String) throws -> Bool {
        guard let levels = try powerLevels() else { return false }
        return levels.level(of: try snapshot.userID(row.sender)) >= levels.required(forNotification: name)
    }

    private func powerLevels() throws -> PowerLevels? {
        if let levels { return levels }
        let found = try loadPowerLevels()
        levels = .some(found)
        return found
    }

    private func loadPowerLevels() throws -> PowerLevels? {
        guard let head = try snapshot.head(of: row.room), let version = RoomVersion.named(head.roomVersion) else {
            return nil
        }
        let creators = try content("m.room.create").flatMap { create in
            UserID(create.sender).map { RoomCreators(sender: $0, content: create.content, version: version) }
        }
        return PowerLevels(
            content: try content("m.room.power_levels")?.content, creators: creators, version: version)
    }

    func displayName(of userID: String) throws -> String? {
        try content("m.room.member", userID)?.content["displayname"]?.stringValue
    }

    /// The content of an entry of state before the event.
    private func content(
        _ type: String, _ stateKey: String = ""
    ) throws -> (content: JSONObject, sender: String)? {
        guard let slot = try snapshot.slot(type, stateKey),
            let holder = try snapshot.holder(row.room, slot, asOf: position.before)
        else { return nil }
        let slices = ClientEventSlices(try snapshot.event(at: holder).clientJSON)
        return slices.parsedContent.map { ($0, ClientEventSlices.text(slices.sender)) }
    }
}
