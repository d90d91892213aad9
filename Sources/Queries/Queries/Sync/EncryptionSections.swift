import CanonicalJSON
import EventLog
import ReadModel

/// The parts of a sync that end-to-end encryption adds: messages to the device, whose devices changed, and how many keys
/// the device has left to give.
struct EncryptionSections {
    private let context: SyncContext
    private let page: ToDevicePage
    private let recent: RecentChanges

    init(_ context: SyncContext, recent: RecentChanges) throws {
        self.context = context
        self.recent = recent
        guard let deviceID = context.asker.identity.deviceID else {
            page = ToDevicePage()
            return
        }
        page = try context.snapshot.toDevicePage(context.user, deviceID, after: context.toDeviceSince)
    }

    /// Up to where the next token acknowledges messages; nil for its own position.
    var toDeviceNext: UInt64? { page.next?.rawValue }

    /// Appends the members, each with a comma before it, and answers how much news there is.
    func append(to writer: inout JSONWriter) throws -> Int {
        var news = page.events.count
        writer.splice(",\"to_device\":{\"events\":[")
        for event in page.events { writer.raw(event) }
        writer.splice("]}")
        news += try appendLists(to: &writer)
        try context.snapshot.appendKeyStock(of: context.user, context.asker.identity.deviceID, to: &writer)
        return news
    }

    /// "Note: only present on an incremental sync."
    private func appendLists(to writer: inout JSONWriter) throws -> Int {
        if context.isInitial {
            writer.splice(",\"device_lists\":{\"changed\":[],\"left\":[]}")
            return 0
        }
        let touched = recent.rooms(
            after: context.since.rawValue, upTo: context.upTo.rawValue, limit: 256, longestWalk: 1024)
        let changes = try DeviceListChanges(
            context.snapshot, of: context.user, after: context.since, touched: touched)
        writer.splice(",\"device_lists\":{")
        writer.field("changed", try context.snapshot.names(of: changes.changed))
        writer.field("left", try context.snapshot.names(of: changes.left))
        writer.splice("}")
        return changes.changed.count + changes.left.count
    }
}

extension Snapshot {
    /// Appends how many keys a device has left to give, as two members of an object.
    func appendKeyStock(of user: UserNum, _ deviceID: String?, to writer: inout JSONWriter) throws {
        let stock = try deviceID.flatMap { try keyStock(user, $0) }
        writer.key("device_one_time_keys_count")
        writer.beginObject()
        // Some clients take an algorithm that is missing for one whose count has not changed.
        if stock?.count(of: "signed_curve25519") ?? 0 == 0 { writer.field("signed_curve25519", 0) }
        for count in stock?.counts ?? [] where count.number > 0 {
            writer.field(count.algorithm, Int64(count.number))
        }
        writer.endObject()
        writer.key("device_unused_fallback_key_types")
        writer.beginArray()
        for fallback in stock?.fallbacks ?? [] where !fallback.isUsed { writer.string(fallback.algorithm) }
        writer.endArray()
    }
}

extension SyncContext {
    /// Up to where the client has the messages to its device.
    var toDeviceSince: LogPosition {
        LogPosition(rawValue: request.since.map { $0.toDevice ?? $0.position } ?? 0)
    }
}
