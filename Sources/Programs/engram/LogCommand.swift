import ArgumentParser
import CanonicalJSON
import EventLog
import EventSigning
import KeyValueStore
import LogEvents
import ReadModel
import ServerAssembly

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Look at the log, check it, take it out and put it in.",
        subcommands: [
            Tail.self, Show.self, Stats.self, Verify.self, LogExportCommand.self, LogImportCommand.self,
            LogEraseCommand.self,
        ]
    )

    struct Tail: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the last records, and new ones as they come.")
        @OptionGroup var source: ConfigOption
        @OptionGroup var output: OutputOptions
        @Option(name: [.customShort("n"), .long], help: "How many of the last records to print first.")
        var lines: UInt64 = 10
        @Flag(name: [.customShort("f"), .long], help: "Go on printing new records until Ctrl-C.")
        var follow = false

        func run() async throws {
            Interruption.watch()
            let reader = try LogReader(directory: source.dataDirectory().log)
            let head = try reader.head().rawValue
            var next = LogPosition(rawValue: head > lines ? head - lines + 1 : 1)
            repeat {
                try reader.scan(from: next) { record in
                    next = LogPosition(rawValue: record.position.rawValue + 1)
                    output.show(RecordText.json(record), text: RecordText.line(record))
                    return !Interruption.wasRequested
                }
                if follow, !Interruption.wasRequested { try await Task.sleep(for: .milliseconds(100)) }
            } while follow && !Interruption.wasRequested
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print all that a record says.")
        @OptionGroup var source: ConfigOption
        @OptionGroup var output: OutputOptions
        @Argument(help: "The record's position.")
        var position: UInt64
        @Flag(name: .long, help: "Show password and token hashes too.")
        var secrets = false

        func run() throws {
            let reader = try LogReader(directory: source.dataDirectory().log)
            guard let record = try reader.record(at: LogPosition(rawValue: position)) else {
                throw ValidationError("The log has no record \(position); its head is \(try reader.head()).")
            }
            let json = RecordText.json(record, withSecrets: secrets)
            output.show(json, text: PrettyJSON.text(json))
        }
    }

    struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Count records by kind, and bytes on the disk.")
        @OptionGroup var source: ConfigOption
        @OptionGroup var output: OutputOptions

        func run() throws {
            Interruption.watch()
            let data = try source.dataDirectory()
            let reader = try LogReader(directory: data.log)
            let head = try reader.head().rawValue
            let progress = ProgressLine("records read")
            var counts: [RecordKind: Int64] = [:]
            var payloadBytes: Int64 = 0
            try reader.scan(from: LogPosition(rawValue: 1)) { record in
                counts[record.kind, default: 0] += 1
                payloadBytes += Int64(record.payload.count)
                if record.position.rawValue % 1024 == 0 { progress.update(record.position.rawValue, of: head) }
                return !Interruption.wasRequested
            }
            let logBytes = DataDirectory.bytesOnDisk(data.log)
            let viewBytes = DataDirectory.bytesOnDisk(data.views)
            let kinds = counts.sorted { $0.key.rawValue < $1.key.rawValue }
            var byKind = JSONObject()
            for (kind, count) in kinds { byKind[RecordText.kindName(kind)] = .integer(count) }
            let perRecord = Int64(logBytes + viewBytes) / Int64(max(head, 1))
            let state = try StateStorage(measuring: Views(directory: data.views, readOnly: true)) {
                !Interruption.wasRequested
            }
            let stateRatio = (state.ratio * 1000).rounded() / 1000
            let json: JSONValue = [
                "head": .integer(Int64(clamping: head)), "kinds": .object(byKind),
                "room_state": [
                    "bytes": .integer(Int64(state.bytes)), "events": .integer(Int64(state.stateEvents)),
                    "described_bytes": .integer(Int64(state.describedBytes)), "ratio": .double(stateRatio),
                ],
                "payload_bytes": .integer(payloadBytes), "log_bytes_on_disk": .integer(Int64(logBytes)),
                "views_bytes_on_disk": .integer(Int64(viewBytes)), "bytes_per_record": .integer(perRecord),
            ]
            let lines = kinds.map { "  \(RecordText.kindName($0.key)): \($0.value)" }.joined(separator: "\n")
            output.show(
                json,
                text: "head \(head)\n\(lines)\npayloads \(payloadBytes) bytes, log \(logBytes) and views \(viewBytes) "
                    + "bytes on the disk, \(perRecord) for each record\nroom state at every event: \(state.bytes) bytes for "
                    + "\(state.stateEvents) state events with \(state.describedBytes) bytes of ids, types and keys, "
                    + "ratio \(stateRatio)")
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check every page and record: position, CRC, payload digest, hash chain, signed checkpoints.",
            discussion: "Ends with 0 when the log is whole, with 1 when it is not: then the first bad record is named."
        )
        @OptionGroup var source: ConfigOption
        @OptionGroup var output: OutputOptions

        func run() throws {
            let data = try source.dataDirectory()
            // Before LMDB opens the file: it would follow a damaged page number out of its map.
            try StoreFilePages.check(directory: data.log)
            let reader = try LogReader(directory: data.log)
            let progress = ProgressLine("records verified")
            let head = try reader.head().rawValue
            let key = try source.load().readSigningKey()
            let outcome = try reader.verify(publicKey: key.publicKey) { progress.update($0.rawValue, of: head) }
            var json: JSONObject = [
                "ok": .bool(outcome.isValid), "records": .integer(Int64(clamping: outcome.recordsChecked)),
                "erased": .integer(Int64(clamping: outcome.erasedRecords)),
                "checkpoints": .integer(Int64(clamping: outcome.checkpointsChecked)),
            ]
            if let problem = outcome.firstProblem {
                json["position"] = .integer(Int64(clamping: problem.position.rawValue))
                json["problem"] = .string(problem.what)
            }
            let text =
                outcome.firstProblem.map { "record at position \($0.position) is damaged: \($0.what)" }
                ?? "the log is whole: \(outcome.recordsChecked) records, \(outcome.erasedRecords) erased, "
                + "\(outcome.checkpointsChecked) checkpoints"
            output.show(.object(json), text: text)
            if !outcome.isValid { throw ExitCode(1) }
        }
    }
}
