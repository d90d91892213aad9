import CanonicalJSON
import EventLog
import LogEvents
import PushRules
import TestSupport

@testable import Queries

/// What a server would do that decides for every member when an event comes, and writes it down: the counts it gives are what
/// ours must be.
struct UnreadModel {
    struct Entry {
        let id: String
        let room: String
        let sender: String
        let isState: Bool
        /// What it relates to, and how.
        let relation: (type: String, target: String)?
        var outcomes: [String: PushOutcome] = [:]
        var isRedacted = false
    }

    private struct Mark {
        var unthreaded = -1
        var threads: [String: Int] = [:]
    }

    private(set) var entries: [Entry] = []
    private var rules: [String: PushRuleset] = [:]
    /// Room and user: when they joined.
    private var joined: [String: [String: Int]] = [:]
    private var marks: [String: [String: Mark]] = [:]
    private var names: [String: [String: String]] = [:]
    var roomMentionLevel: [String: Int] = [:]

    private struct Surroundings: PushSurroundings {
        let members: UInt64
        let mayNotify: Bool
        let names: [String: String]

        func memberCount() throws -> UInt64 { members }
        func senderMayNotify(_ name: String) throws -> Bool { name == "room" && mayNotify }
        func displayName(of userID: String) throws -> String? { names[userID] }
    }

    mutating func change(_ user: String, _ change: PushRuleChange) {
        rules[user, default: PushRuleset()].apply(change)
    }

    func ruleset(_ user: String) -> PushRuleset { rules[user] ?? PushRuleset() }

    func isJoined(_ user: String, _ room: String) -> Bool { joined[room]?[user] != nil }

    /// An event has come.
    mutating func add(
        _ id: String, _ type: String, in room: String, by sender: String, stateKey: String? = nil, _ content: JSONObject
    ) throws {
        let relation = content["m.relates_to"].flatMap { value in
            value["event_id"]?.stringValue.map { (value["rel_type"]?.stringValue ?? "", $0) }
        }
        var entry = Entry(id: id, room: room, sender: sender, isState: stateKey != nil, relation: relation)
        // Permissions and names are those before the event, members those after it.
        let before = names[room] ?? [:]
        if type == "m.room.member", let stateKey {
            if content["membership"] == "join" {
                if joined[room]?[stateKey] == nil { joined[room, default: [:]][stateKey] = entries.count }
            } else {
                joined[room]?[stateKey] = nil
            }
            names[room, default: [:]][stateKey] = content["displayname"]?.stringValue
        }
        let surroundings = Surroundings(
            members: UInt64(joined[room]?.count ?? 0), mayNotify: sender == alice, names: before)
        var object: JSONObject = ["type": .string(type), "sender": .string(sender), "content": .object(content)]
        if let stateKey { object["state_key"] = .string(stateKey) }
        for user in joined[room, default: [:]].keys where user != sender {
            entry.outcomes[user] = try CompiledPushRules(ruleset(user))
                .outcome(for: PushEvent(object, roomID: room), owner: user, surroundings)
        }
        entries.append(entry)
    }

    mutating func redact(_ id: String) {
        for index in entries.indices where entries[index].id == id { entries[index].isRedacted = true }
    }

    mutating func read(_ user: String, _ id: String, in room: String, thread: String?) {
        guard let index = entries.firstIndex(where: { $0.id == id }) else { return }
        var mark = marks[room]?[user] ?? Mark()
        if let thread {
            mark.threads[thread] = max(mark.threads[thread] ?? -1, index)
        } else {
            mark.unthreaded = max(mark.unthreaded, index)
        }
        marks[room, default: [:]][user] = mark
    }

    private func thread(of entry: Entry) -> String {
        var entry = entry
        for _ in 0..<4 {
            // A redaction takes the relation away.
            guard !entry.isRedacted, let relation = entry.relation else { return "main" }
            if relation.type == "m.thread" { return relation.target }
            guard let parent = entries.first(where: { $0.id == relation.target }) else { return "main" }
            entry = parent
        }
        return "main"
    }

    func counts(_ user: String, in room: String) -> UnreadCounts {
        guard let joinedAt = joined[room]?[user] else { return UnreadCounts() }
        var mark = marks[room]?[user] ?? Mark()
        mark.unthreaded = max(mark.unthreaded, joinedAt)
        for (index, entry) in entries.enumerated()
        where index > joinedAt && entry.room == room && entry.sender == user && !entry.isState {
            if entry.isRedacted, entry.relation != nil { continue }
            let thread = thread(of: entry)
            if thread == "main" {
                mark.unthreaded = index
            } else {
                mark.threads[thread] = max(mark.threads[thread] ?? -1, index)
            }
        }
        var counts = UnreadCounts()
        for (index, entry) in entries.enumerated()
        where index > mark.unthreaded && entry.room == room && !entry.isRedacted && entry.sender != user {
            let thread = thread(of: entry)
            guard index > mark.threads[thread] ?? -1, let outcome = entry.outcomes[user], outcome.notifies else {
                continue
            }
            let tally = UnreadCounts.Tally(notifications: 1, highlights: outcome.highlights ? 1 : 0)
            if thread == "main" {
                counts.main += tally
            } else {
                counts.threads[thread, default: .init()] += tally
            }
        }
        return counts
    }
}
