import CanonicalJSON
import EventLog
import KeyValueStore
import MatrixIdentifiers
import PushRules
import ReadModel

/// The `extensions` of an answer: each appends its part when there is something to tell, and notes up to where it told.
struct SlidingExtensionSections {
    let context: SlidingContext
    let scope: SlidingScope
    let typing: EphemeralState
    /// The version of the ephemeral state that the answer reaches up to.
    let typingVersion: UInt64
    /// The events that the answer shows, by room.
    let timelines: [RoomNum: [LogPosition]]

    private(set) var state: SlidingExtensionState
    private(set) var news = 0

    private var snapshot: Snapshot { context.snapshot }
    private var upTo: LogPosition { context.upTo }
    private var wanted: SlidingExtensions { context.request.extensions }

    init(
        context: SlidingContext, scope: SlidingScope, typing: EphemeralState, typingVersion: UInt64,
        timelines: [RoomNum: [LogPosition]]
    ) {
        self.context = context
        self.scope = scope
        self.typing = typing
        self.typingVersion = typingVersion
        self.timelines = timelines
        state = context.state.extensions
    }

    mutating func append(to writer: inout JSONWriter) throws {
        writer.key("extensions")
        writer.beginObject()
        if let own = wanted.toDevice { try appendToDevice(own, to: &writer) }
        if wanted.endToEnd { try appendEndToEnd(to: &writer) }
        if let own = wanted.accountData { try appendAccountData(own, to: &writer) }
        if let own = wanted.receipts { try appendReceipts(own, to: &writer) }
        if let own = wanted.typing { try appendTyping(own, to: &writer) }
        if let own = wanted.threads {
            let section = SlidingThreadSection(context: context, wanted: own, timelines: timelines)
            news += try section.append(since: state.threads, to: &writer)
            state.threads = upTo
        }
        writer.endObject()
    }

    // MARK: Messages to the device, and keys

    /// "`next_batch`: REQUIRED: even if no changes".
    private mutating func appendToDevice(_ own: SlidingExtensions.ToDevice, to writer: inout JSONWriter) throws {
        guard let deviceID = context.asker.identity.deviceID else { return }
        // A position of before a restore means nothing now; what was not acknowledged is told again.
        let since = own.since.flatMap { try? SyncToken(parsing: $0) }
        let isKnown = since.map { $0.epoch == context.asker.epoch && $0.position <= upTo.rawValue } ?? false
        let page = try snapshot.toDevicePage(
            context.user, deviceID, after: LogPosition(rawValue: isKnown ? since?.position ?? 0 : 0), limit: own.limit)
        writer.key("to_device")
        writer.beginObject()
        writer.field("next_batch", context.asker.token((page.next ?? upTo).rawValue))
        writer.key("events")
        writer.beginArray()
        for event in page.events { writer.raw(event) }
        writer.endArray()
        writer.endObject()
        news += page.events.count
    }

    private mutating func appendEndToEnd(to writer: inout JSONWriter) throws {
        writer.key("e2ee")
        writer.beginObject()
        // As in `/sync`: "Note: only present on an incremental sync."
        if let since = state.deviceLists {
            let touched = since == context.since ? context.touched : nil
            let changes = try DeviceListChanges(snapshot, of: context.user, after: since, touched: touched)
            news += changes.changed.count + changes.left.count
            writer.key("device_lists")
            writer.beginObject()
            writer.field("changed", try snapshot.names(of: changes.changed))
            writer.field("left", try snapshot.names(of: changes.left))
            writer.endObject()
        }
        let mark = writer.bytes.count
        try snapshot.appendKeyStock(of: context.user, context.asker.identity.deviceID, to: &writer)
        var hasher = Hasher()
        writer.bytes[mark...].withUnsafeBytes { hasher.combine(bytes: $0) }
        let stock = hasher.finalize()
        if let before = state.keyStock, before != stock { news += 1 }
        state.keyStock = stock
        state.deviceLists = upTo
        writer.endObject()
    }

    // MARK: Account data

    private mutating func appendAccountData(_ own: SlidingExtensions.Scope, to writer: inout JSONWriter) throws {
        writer.key("account_data")
        writer.beginObject()
        let since = state.accountData
        writer.key("global")
        writer.beginArray()
        var count = 0
        try append(accountDataOf: .none, after: since ?? .none, &count, to: &writer)
        if try since == nil || snapshot.pushRulesChanged(of: context.user, after: since ?? .none, upTo: upTo) {
            let rules = try snapshot.pushRules(of: context.user)
            writer.beginObject()
            writer.field("type", "m.push_rules")
            writer.field("content", rules.content(for: context.asker.identity.userID.rawValue))
            writer.endObject()
            count += 1
        }
        writer.endArray()
        writer.key("rooms")
        writer.beginObject()
        let rooms = scope.rooms(of: own)
        let changes = try SyncContext.accountDataChanges(
            snapshot, of: context.user, after: LogPosition(rawValue: state.accountDataRooms.position), upTo: upTo)
        for room in rooms.sorted() {
            // Of a room that was in scope all the time, the index of changes tells.
            if state.accountDataRooms.isLive(room), changes[room] == nil { continue }
            let since = LogPosition(rawValue: state.accountDataRooms.since(room) ?? 0)
            let mark = writer.bytes.count
            writer.key(utf8: try snapshot.text(room))
            writer.beginArray()
            var own = 0
            try append(accountDataOf: room, after: since, &own, to: &writer)
            writer.endArray()
            if own == 0 { writer.bytes.removeLast(writer.bytes.count - mark) }
            count += own
        }
        writer.endObject()
        writer.endObject()
        state.accountData = upTo
        state.accountDataRooms.advance(to: upTo.rawValue, scope: rooms)
        news += count
    }

    private func append(
        accountDataOf room: RoomNum, after since: LogPosition, _ count: inout Int, to writer: inout JSONWriter
    ) throws {
        let prefix = ViewKeys.accountDataPrefix(context.user, room)
        try snapshot.forEach(snapshot.tables.accountDataRows, prefix: prefix) { _, value in
            let row = try AccountDataRow(reading: value)
            guard row.position > since else { return true }
            writer.beginObject()
            writer.field("type", row.type)
            writer.field("content", raw: row.contentJSON)
            writer.endObject()
            count += 1
            return true
        }
    }

    // MARK: Receipts and typing

    private mutating func appendReceipts(_ own: SlidingExtensions.Scope, to writer: inout JSONWriter) throws {
        writer.key("receipts")
        writer.beginObject()
        writer.key("rooms")
        writer.beginObject()
        // What happens while the user is away is told when they are back.
        let rooms = scope.rooms(of: own, inside: true)
        let found = ReceiptEvents(snapshot: snapshot, user: context.user)
        // What was touched is known since the last answer; when receipts were off in it, every room is looked at.
        let touched = state.receipts.position == context.since.rawValue ? context.touched : nil
        for room in rooms.sorted() {
            if state.receipts.isLive(room), let touched, !touched.contains(room) { continue }
            var receipts: [ReceiptEvents.Receipt]
            if let since = state.receipts.since(room) {
                receipts = try found.changes(in: room, after: LogPosition(rawValue: since), upTo: upTo)
            } else {
                // "On initial sync, receipts MUST only be returned for events sent in the `timeline` section", and "public
                // and private receipts sent by the client MUST be returned".
                let shown = Set(timelines[room] ?? [])
                receipts = try found.all(of: room).filter {
                    $0.suffix.user == context.user || shown.contains($0.row.eventPosition)
                }
            }
            receipts = ReceiptEvents.withoutThreads(receipts)
            guard !receipts.isEmpty else { continue }
            writer.key(utf8: try snapshot.text(room))
            try found.append(receipts, to: &writer)
            news += 1
        }
        writer.endObject()
        writer.endObject()
        state.receipts.advance(to: upTo.rawValue, scope: rooms)
    }

    private mutating func appendTyping(_ own: SlidingExtensions.Scope, to writer: inout JSONWriter) throws {
        writer.key("typing")
        writer.beginObject()
        writer.key("rooms")
        writer.beginObject()
        let rooms = scope.rooms(of: own, inside: true)
        for room in typing.roomsChanged(since: 0).sorted() where rooms.contains(room) {
            let since = state.typing.since(room)
            guard let users = typing.typing(in: room, since: since ?? 0) else { continue }
            // One who has just come need not hear that nobody is typing.
            if since == nil, users.isEmpty { continue }
            writer.key(utf8: try snapshot.text(room))
            writer.beginObject()
            writer.field("type", "m.typing")
            writer.key("content")
            writer.object { $0.field("user_ids", users.map(\.rawValue)) }
            writer.endObject()
            news += 1
        }
        writer.endObject()
        writer.endObject()
        state.typing.advance(to: typingVersion, scope: rooms)
    }
}

extension ReceiptEvents {
    /// In one event there is one receipt of each type for a user and an event: of several threads, that without one is kept.
    static func withoutThreads(_ receipts: [Receipt]) -> [Receipt] {
        if receipts.count < 2 { return receipts }
        let ordered = receipts.sorted { left, right in
            if !left.row.eventID.utf8.elementsEqual(right.row.eventID.utf8) {
                return left.row.eventID.utf8.lexicographicallyPrecedes(right.row.eventID.utf8)
            }
            if left.suffix.kind != right.suffix.kind { return left.suffix.kind.rawValue < right.suffix.kind.rawValue }
            if left.suffix.user != right.suffix.user { return left.suffix.user < right.suffix.user }
            return left.suffix.threadHash < right.suffix.threadHash
        }
        var kept: [Receipt] = []
        for receipt in ordered {
            if let last = kept.last, last.suffix.user == receipt.suffix.user, last.suffix.kind == receipt.suffix.kind,
                last.row.eventID.utf8.elementsEqual(receipt.row.eventID.utf8)
            {
                continue
            }
            kept.append(receipt)
        }
        return kept
    }
}
