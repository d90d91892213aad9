import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// The `threads` extension (MSC4360): "a list of updated threads", of all rooms that the user is in.
struct SlidingThreadSection {
    let context: SlidingContext
    let wanted: SlidingExtensions.Threads
    /// The events that the answer shows, by room.
    let timelines: [RoomNum: [LogPosition]]

    /// Appends the updates and answers how many there are.
    func append(since: LogPosition?, to writer: inout JSONWriter) throws -> Int {
        let updates = ThreadUpdates(context.snapshot, asker: context.asker, ignored: context.ignored)
        let shown = Set(timelines.values.joined())
        // "When `include_roots` is `false`, only threads with updates that haven't otherwise been presented to the client via
        // the normal `/sync` response are included in the extension response."
        let page = try updates.page(
            after: since ?? .none, upTo: context.upTo, limit: wanted.limit,
            rooms: since == context.since ? context.touched : nil
        ) { wanted.includesRoots || !shown.contains($0) }
        guard !page.updates.isEmpty else { return 0 }
        writer.key(wanted.name)
        writer.beginObject()
        try updates.append(
            page, under: "updates", withRoots: wanted.includesRoots, renderer: context.renderer, to: &writer)
        if let next = page.next { writer.field("prev_batch", context.asker.token(next.rawValue)) }
        writer.endObject()
        return page.updates.count
    }
}
