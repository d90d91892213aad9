import ArgumentParser
import CanonicalJSON
import CommandHandling
import Decisions
import EventAuthorization
import EventLog
import LogEvents
import MatrixIdentifiers
import Queries
import ServerAssembly

struct InspectWhy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Say what decided an event, or the present value of an entry of room state.",
        usage: """
            engram inspect why EVENT_ID --config FILE
            engram inspect why ROOM_ID --type TYPE [--state-key KEY] --config FILE
            """,
        discussion: "Replays the room's records up to it and prints the verdict, the rule, the inputs and the record."
    )
    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Argument(help: "An event ID, or a room ID with --type.") var subject: String
    @Option(name: .long, help: "The state event's type.") var type: String?
    @Option(name: .long, help: "The state event's state key.") var stateKey: String = ""

    func run() throws {
        let inspection = try Inspection(source)
        let target = try findTarget(inspection)
        let fact = try PDURecorded(payload: target.payload)
        let progress = ProgressLine("records replayed")
        var audit = DecisionAudit(ownServer: nil, ownKey: nil)
        var explanation: DecisionAudit.Explanation?
        try inspection.log.scan(from: LogPosition(rawValue: 1)) { record in
            progress.update(record.position.rawValue, of: target.position.rawValue)
            guard record.position <= target.position else { return false }
            guard record.stream == target.stream else { return true }
            let found = try audit.check(record)
            if record.position == target.position { explanation = found }
            return true
        }
        guard let explanation else { throw ValidationError("The record at \(target.position) was erased.") }
        let differences = audit.differences.filter { $0.position == target.position }.map(\.what)
        output.show(
            json(target, fact, explanation, differences),
            text: text(target, fact, explanation, differences))
    }

    private func findTarget(_ inspection: Inspection) throws -> EventRecord {
        guard let type else { return try inspection.record(of: subject) }
        let room = try inspection.room(subject)
        guard let stored = try inspection.queries.rooms.currentState(room, type: type, stateKey: stateKey) else {
            throw ValidationError("Nothing holds \(type) [\(stateKey)] in \(subject).")
        }
        guard let record = try inspection.log.record(at: stored.position) else {
            throw ValidationError("The log has no record \(stored.position); run `engram log verify`.")
        }
        return record
    }

    private func json(
        _ record: EventRecord,
        _ fact: PDURecorded,
        _ why: DecisionAudit.Explanation,
        _ differences: [String]
    ) -> JSONValue {
        [
            "record": RecordText.json(record),
            "verdict": .string("\(fact.verdict)"),
            "rule": .string(why.rejection?.rule ?? fact.rule),
            "reason": .string(why.rejection?.reason ?? fact.reason),
            "inputs": .array(
                why.inputs.map { input in
                    [
                        "type": .string(input.entry.type), "state_key": .string(input.entry.stateKey),
                        "event_id": .string(input.eventID),
                    ]
                }),
            "follows_head": .bool(why.followsHead),
            "replaced": why.replaced.map(JSONValue.string) ?? .null,
            "recomputed": differences.isEmpty ? "agrees" : .array(differences.map(JSONValue.string)),
        ]
    }

    private func text(
        _ record: EventRecord,
        _ fact: PDURecorded,
        _ why: DecisionAudit.Explanation,
        _ differences: [String]
    ) -> String {
        var lines = [
            RecordText.line(record),
            "  room         \(fact.roomID), version \(fact.roomVersion)",
            "  came from    \(record.cause.isEmpty ? "-" : record.cause) by \(record.actor)",
            "  verdict      \(fact.verdict)",
        ]
        if let rejection = why.rejection {
            lines.append("  rule         \(rejection.rule): \(rejection.reason)")
        } else {
            lines.append("  rule         every authorization rule of room version \(fact.roomVersion) allows it")
        }
        if fact.isOutlier {
            lines.append("  place        not known: judged by its auth events alone")
        } else if fact.adopts {
            lines.append("  adoption     the join with which the room's state came from \(record.cause)")
        } else if fact.isBackfilled {
            lines.append("  past         it came when later events were known already")
        } else if !why.followsHead {
            lines.append("  fork         the state before it is not the current state of then")
        }
        if !fact.stateDelta.isEmpty {
            let count = fact.stateDelta.count
            lines.append(fact.adopts ? "  state        \(count) entries came with it" : "  resolution   also changed")
            for change in fact.adopts ? [] : fact.stateDelta {
                lines.append("    \(change.type) [\(change.stateKey)] = \(change.eventID ?? "nothing")")
            }
        }
        lines.append("  the rules read")
        for input in why.inputs { lines.append("    \(input.entry.type) [\(input.entry.stateKey)] = \(input.eventID)") }
        if why.inputs.isEmpty { lines.append("    nothing: it is the room's create event") }
        if why.replaced != nil || fact.setsOwnEntry { lines.append("  it replaced  \(why.replaced ?? "nothing")") }
        lines.append("  recomputed   \(differences.isEmpty ? "the same" : differences.joined(separator: "; "))")
        return lines.joined(separator: "\n")
    }
}
