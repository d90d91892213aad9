import ArgumentParser
import CanonicalJSON
import EventLog
import Glibc
import LogEvents
import ServerAssembly

struct LogExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Print records as JSON, one on each line: neutral, readable, complete but for the hashes of secrets.",
        discussion: "With --secrets the output can be imported with nothing missing; keep it as safe as the log."
    )
    @OptionGroup var source: ConfigOption
    @Option(name: .long, help: "The first position.") var from: UInt64 = 1
    @Option(name: .long, help: "The last position; the default is the head.") var to: UInt64?
    @Option(name: .long, help: "Only this room's or user's records.") var stream: String?
    @Flag(name: .long, help: "Include password and token hashes.") var secrets = false

    func run() throws {
        Interruption.watch()
        let reader = try LogReader(directory: source.dataDirectory().log)
        let head = try reader.head().rawValue
        let last = min(to ?? head, head)
        let progress = ProgressLine("records exported")
        try reader.scan(from: LogPosition(rawValue: max(1, from))) { record in
            guard record.position.rawValue <= last, !Interruption.wasRequested else { return false }
            progress.update(record.position.rawValue, of: last)
            if let stream, record.stream.name != stream { return true }
            Terminal.line(
                String(decoding: RecordText.json(record, withSecrets: secrets).canonicalBytes(), as: UTF8.self))
            return true
        }
    }
}

struct LogImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Append records that `log export --secrets` printed to a new, empty log.",
        discussion:
            "Positions, times and chain hashes are made anew; PDUs keep their bytes and ids. The server must not run."
    )
    @OptionGroup var source: ConfigOption
    @Argument(help: "The file with a JSON record on each line; - is standard input.") var file: String

    func run() async throws {
        Interruption.watch()
        let configuration = try source.load()
        let importer = try LogImport(configuration: configuration)
        if file != "-" {
            // Lines are read from standard input: make the file that.
            let descriptor = open(file, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0, dup2(descriptor, STDIN_FILENO) == STDIN_FILENO else {
                throw ValidationError("\(file) cannot be read: \(String(cString: strerror(errno))).")
            }
            close(descriptor)
        }
        let progress = ProgressLine("records imported")
        var count: UInt64 = 0
        while let line = readLine(strippingNewline: true), !Interruption.wasRequested {
            guard !line.isEmpty else { continue }
            count += 1
            do {
                try await importer.append(line: Array(line.utf8))
            } catch {
                Terminal.note("line \(count): \(error)")
                throw ExitCode(1)
            }
            progress.update(count, of: 0)
        }
        try await importer.finish()
        Terminal.line("\(count) records imported; start the server, it builds the projections")
    }
}

struct LogEraseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase",
        abstract: "Destroy an event's content for ever; its redacted form, id and signatures stay.",
        discussion: """
            Who, when and why is recorded. The freed pages are overwritten before this returns; run `engram backup create` \
            again to take it out of a backup too.
            """
    )
    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Argument(help: "The event IDs.") var events: [String]
    @Option(name: .long, help: "Why; kept in the log.") var reason: String

    func run() async throws {
        let answer = try await Control.perform(
            "erase",
            ["events": .array(events.map(JSONValue.string)), "reason": .string(reason)], source)
        output.show(answer, text: "erased \(answer["erased"]?.integerValue ?? 0) events and scrubbed the freed pages")
    }
}
