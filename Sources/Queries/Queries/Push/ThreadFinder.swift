import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// Finds the thread that an event belongs to.
struct ThreadFinder {
    /// "When referring to the main timeline as a thread … a special thread ID of `main` is used."
    static let main = "main"

    let snapshot: Snapshot

    init(_ snapshot: Snapshot) {
        self.snapshot = snapshot
    }

    /// "the server follows the event relationship until it finds a thread root via an `m.thread` relation … implementations
    /// are encouraged to do a maximum of 3 hops".
    func thread(of event: EventRow) throws -> String {
        var event = event
        for _ in 0..<4 {
            let slices = ClientEventSlices(event.clientJSON)
            guard slices.contentMentions("\"m.relates_to\""), let relation = slices.parsedContent?["m.relates_to"],
                let parent = relation["event_id"]?.stringValue
            else { return Self.main }
            if relation["rel_type"]?.stringValue == "m.thread" { return parent }
            guard let position = try snapshot.eventPosition(snapshot.tables, parent) else { return Self.main }
            event = try snapshot.event(at: position)
        }
        return Self.main
    }
}

extension ClientEventSlices {
    /// Whether the text occurs anywhere in the content's JSON: a cheap no for most events.
    func contentMentions(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { sought in
            guard let first = sought.first, content.count >= sought.count else { return false }
            var at = 0
            let last = content.count - sought.count
            while at <= last {
                if content[at] == first, content[at..<(at + sought.count)].elementsEqual(sought) { return true }
                at += 1
            }
            return false
        }
    }
}
