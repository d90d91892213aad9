import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

extension JSONWriter {
    /// Appends a text that the program itself contains.
    @inline(__always)
    mutating func splice(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// Writes a key whose text is stored UTF-8.
    mutating func key(utf8 text: UnsafeRawBufferPointer) {
        string(utf8: text)
        bytes.append(UInt8(ascii: ":"))
    }

    /// Writes a member whose value stands in JSON without its quotation marks.
    mutating func field(_ key: String, escaped text: UnsafeRawBufferPointer) {
        self.key(key)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: text)
        bytes.append(UInt8(ascii: "\""))
    }
}

/// Completes stored events for one reader: a copy of the stored bytes with `room_id` and `unsigned` behind them.
struct EventRenderer {
    let snapshot: Snapshot
    let user: UserNum
    let deviceID: String?
    let nowMs: Int64
    /// `event_fields` of the filter.
    var fields: [EventFieldPath]?
    /// Renders events as servers exchange them; nil for the format of clients.
    var federation: FederationEvents?
    /// Whether events name their sender as `user_id` too, as in the endpoints that came before `/sync`.
    var namesUser = false
    /// What is bundled with events; nil where the specification wants nothing bundled.
    var relations: BundledRelations?

    init(_ snapshot: Snapshot, asker: Asker) {
        self.snapshot = snapshot
        user = asker.identity.userNum
        deviceID = asker.identity.deviceID
        nowMs = asker.nowMs
    }

    /// Renders events of a timeline, with what the server says of their children.
    init(bundling snapshot: Snapshot, asker: Asker) throws {
        self.init(snapshot, asker: asker)
        relations = try BundledRelations(snapshot, asker: user)
    }

    /// Appends an event.
    ///
    /// - Parameters:
    ///   - roomID: written into the event when given.
    ///   - membership: the asker's at the event.
    ///   - sight: judges whether the replaced state may be shown.
    func append(
        _ event: EventRow,
        roomID: UnsafeRawBufferPointer? = nil,
        membership: StoredMembership?,
        sight: inout RoomSight,
        to writer: inout JSONWriter
    ) throws {
        if let fields {
            var whole = JSONWriter(capacity: event.clientJSON.count + 256)
            try appendWhole(event, roomID: roomID, membership: membership, sight: &sight, to: &whole)
            writer.raw(try EventFieldPath.keeping(fields, of: whole.bytes))
        } else {
            try appendWhole(event, roomID: roomID, membership: membership, sight: &sight, to: &writer)
        }
    }

    private func appendWhole(
        _ event: EventRow,
        roomID: UnsafeRawBufferPointer?,
        membership: StoredMembership?,
        sight: inout RoomSight,
        to writer: inout JSONWriter
    ) throws {
        let remainder = try remainder(of: event, membership, sight)
        if remainder == nil, let pdu = try federationEvent(event) {
            writer.raw(pdu)
        } else {
            if let remainder { writer.raw(remainder) } else { writer.raw(event.clientJSON) }
            if let roomID {
                writer.splice(",\"room_id\":")
                writer.string(utf8: roomID)
            }
        }
        if namesUser { writer.field("user_id", escaped: ClientEventSlices(event.clientJSON).sender) }
        // A negative age only says that the clocks differ; the specification allows it.
        writer.splice(",\"unsigned\":{\"age\":")
        writer.bytes.append(contentsOf: String(nowMs &- event.originServerTS).utf8)
        // "if the client being given the event is the same one which sent it."
        if let transaction = event.transaction, event.sender == user, let deviceID,
            transaction.deviceID.utf8.elementsEqual(deviceID.utf8)
        {
            writer.field("transaction_id", transaction.transactionID)
        }
        appendDelayID(of: event, to: &writer)
        if remainder == nil, !event.replaced.isNone { try appendReplaced(event.replaced, sight: &sight, to: &writer) }
        if !event.redactedBy.isNone, let redaction = try snapshot.eventRow(snapshot.tables, event.redactedBy) {
            writer.field("redacted_because", raw: redaction.clientJSON)
            writer.splice(",\"unsigned\":{\"age\":")
            writer.bytes.append(contentsOf: String(nowMs &- redaction.originServerTS).utf8)
            writer.splice("}}")
        }
        if remainder == nil, let relations {
            try append(try relations.find(event, onlyReplacement: false), sight: &sight, to: &writer)
        }
        if let membership {
            writer.splice(",\"membership\":\"")
            writer.bytes.append(contentsOf: membership.text.utf8)
            writer.splice("\"")
        }
        writer.splice("}}")
    }

    /// "The `delay_id` of a sent delayed event MUST be included in the resulting room event's `unsigned` data if, and only if,
    /// the client being given the event […] is authenticated as the event's sender." What the server sent later has no device.
    private func appendDelayID(of event: EventRow, to writer: inout JSONWriter) {
        guard event.sender == user, let transaction = event.transaction, transaction.deviceID.utf8.isEmpty else {
            return
        }
        writer.field("org.matrix.msc4140.delay_id", transaction.transactionID)
    }

    // MARK: Relations

    /// "The `m.relations` property is an object keyed by `rel_type`".
    private func append(
        _ found: BundledRelations.Found, sight: inout RoomSight, to writer: inout JSONWriter
    ) throws {
        guard !found.isEmpty else { return }
        writer.splice(",\"m.relations\":")
        writer.beginObject()
        if let position = found.replacement {
            writer.key("m.replace")
            try appendChild(at: position, isBare: true, sight: &sight, to: &writer)
        }
        if let thread = found.thread {
            writer.key("m.thread")
            writer.beginObject()
            writer.key("latest_event")
            try appendChild(at: thread.latest, isBare: false, sight: &sight, to: &writer)
            writer.field("count", Int64(thread.count))
            writer.field("current_user_participated", thread.hasTakenPart)
            writer.endObject()
        }
        if !found.references.isEmpty {
            writer.key("m.reference")
            writer.beginObject()
            writer.key("chunk")
            writer.beginArray()
            for position in found.references.reversed() {
                writer.beginObject()
                writer.field(
                    "event_id", escaped: ClientEventSlices(try snapshot.event(at: position).clientJSON).eventID)
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
        writer.endObject()
    }

    /// A child within its parent's aggregation; of its own children only its edits are bundled with it.
    private func appendChild(
        at position: LogPosition, isBare: Bool, sight: inout RoomSight, to writer: inout JSONWriter
    ) throws {
        let child = try snapshot.event(at: position)
        writer.raw(child.clientJSON)
        writer.splice(",\"room_id\":")
        writer.string(utf8: try snapshot.text(child.room))
        writer.splice(",\"unsigned\":{\"age\":")
        writer.bytes.append(contentsOf: String(nowMs &- child.originServerTS).utf8)
        if let transaction = child.transaction, child.sender == user, let deviceID,
            transaction.deviceID.utf8.elementsEqual(deviceID.utf8)
        {
            writer.field("transaction_id", transaction.transactionID)
        }
        if !isBare, let relations {
            try append(try relations.find(child, onlyReplacement: true), sight: &sight, to: &writer)
        }
        writer.splice("}}")
    }

    private func federationEvent(_ event: EventRow) throws -> [UInt8]? {
        guard let federation else { return nil }
        let eventID = ClientEventSlices.text(ClientEventSlices(event.clientJSON).eventID)
        guard let position = try snapshot.eventPosition(snapshot.tables, eventID) else { return nil }
        return try federation.open(event, at: position)
    }

    private func appendReplaced(
        _ position: LogPosition, sight: inout RoomSight, to writer: inout JSONWriter
    ) throws {
        let replaced = try snapshot.event(at: position)
        let slices = ClientEventSlices(replaced.clientJSON)
        // "only returned if the event is a state event, and the client has permission to see the previous event."
        if try sight.judge(replaced, at: position).isVisible {
            writer.field("prev_content", raw: slices.content)
            writer.field("prev_sender", escaped: slices.sender)
        }
        // "Unlike `prev_content`, this field is included regardless of history visibility."
        writer.field("replaces_state", escaped: slices.eventID)
    }

    /// Appends a stripped state event: "Stripped state events can only have the `sender`, `type`, `state_key` and `content`
    /// properties present."
    func appendStripped(_ event: EventRow, to writer: inout JSONWriter) {
        let slices = ClientEventSlices(event.clientJSON)
        writer.beginObject()
        writer.field("type", escaped: slices.type)
        writer.field("state_key", escaped: slices.stateKey ?? UnsafeRawBufferPointer(start: nil, count: 0))
        writer.field("sender", escaped: slices.sender)
        writer.field("content", raw: slices.content)
        writer.endObject()
    }
}
