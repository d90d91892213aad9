import ArgumentParser
import CanonicalJSON
import CommandHandling
import Configuration
import EventLog
import ServerAssembly

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Recompute every decision in the log and compare it with what was recorded.",
        discussion: "Ends with 1 when a difference is found. Works beside a running server."
    )

    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions

    func run() throws {
        Interruption.watch()
        let configuration = try source.load()
        let reader = try LogReader(directory: DataDirectory(configuration: configuration).log)
        let head = try reader.head().rawValue
        let progress = ProgressLine("records audited")
        var audit = DecisionAudit(ownServer: configuration.serverName, ownKey: try configuration.readSigningKey())
        try reader.scan(from: LogPosition(rawValue: 1)) { record in
            try audit.check(record)
            if record.position.rawValue % 256 == 0 { progress.update(record.position.rawValue, of: head) }
            return !Interruption.wasRequested
        }
        if Interruption.wasRequested { throw ExitCode(130) }
        let differences = audit.differences.map { difference -> JSONValue in
            [
                "position": .integer(Int64(clamping: difference.position.rawValue)),
                "event_id": .string(difference.eventID), "difference": .string(difference.what),
            ]
        }
        let lines = audit.differences.map { "position \($0.position), \($0.eventID): \($0.what)" }
        output.show(
            ["pdus": .integer(Int64(clamping: audit.checkedPDUs)), "differences": .array(differences)],
            text: (lines + ["\(audit.checkedPDUs) decisions recomputed, \(audit.differences.count) differences"])
                .joined(separator: "\n"))
        if !audit.differences.isEmpty { throw ExitCode(1) }
    }
}
