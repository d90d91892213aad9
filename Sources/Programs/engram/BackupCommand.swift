import ArgumentParser
import CanonicalJSON
import Configuration
import EventLog
import ServerAssembly

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Take, check and list backups.",
        subcommands: [Create.self, Verify.self, List.self]
    )

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a backup into a directory, or bring the one there up to date.",
            discussion: """
                Hot: the server may run. Incremental: taken again into the same directory, only what is new is written, and \
                what was erased since is taken out.
                """
        )
        @OptionGroup var source: ConfigOption
        @OptionGroup var output: OutputOptions
        @Option(name: .long, help: "The backup's directory.") var to: String
        @Flag(name: .long, help: "Leave the configuration and the signing key out.") var withoutSecrets = false

        func run() throws {
            Interruption.watch()
            let configuration = try source.load()
            let reader = try LogReader(directory: DataDirectory(configuration: configuration).log)
            let progress = ProgressLine("records backed up")
            let manifest = try BackupArchive(path: to).update(
                from: reader,
                configuration: configuration,
                configurationPath: source.config,
                withSecrets: !withoutSecrets
            ) { done, head in
                progress.update(done, of: head)
                return !Interruption.wasRequested
            }
            let bytes = manifest.segments.reduce(0) { $0 + $1.bytes }
            output.show(
                manifest.json,
                text: "backup of \(manifest.serverName) up to position \(manifest.head): "
                    + "\(manifest.segments.count) segments, \(bytes) bytes, chain \(manifest.chainHead); "
                    + "\(manifest.media.blobs) media, \(manifest.media.copied) of them new")
            for name in manifest.media.missing { Terminal.note("the media store lacks \(name)") }
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare every file of a backup with its digest; ends with 1 when one is damaged.")
        @OptionGroup var output: OutputOptions
        @Option(name: .long, help: "The backup's directory.") var from: String

        func run() throws {
            Interruption.watch()
            let progress = ProgressLine("records checked")
            let problems = try BackupArchive(path: from).verify { done, head in
                progress.update(done, of: head)
                return !Interruption.wasRequested
            }
            let head = try BackupArchive(path: from).manifest().head
            output.show(
                ["ok": .bool(problems.isEmpty), "problems": .array(problems.map(JSONValue.string))],
                text: problems.isEmpty
                    ? "the backup is whole, up to position \(head)" : problems.joined(separator: "\n"))
            if !problems.isEmpty { throw ExitCode(1) }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print what a backup holds.")
        @OptionGroup var output: OutputOptions
        @Option(name: .long, help: "The backup's directory.") var from: String

        func run() throws {
            let manifest = try BackupArchive(path: from).manifest()
            var lines = [
                "server      \(manifest.serverName)", "taken       \(WallClock.text(manifest.takenAtMs))",
                "epoch       \(manifest.epoch)", "positions   1 to \(manifest.head)",
            ]
            lines += manifest.segments.map { "  \($0.first) to \($0.last)  \($0.bytes) bytes  \($0.file)" }
            lines += manifest.attachments.map { "  \($0.file)  \($0.bytes) bytes" }
            output.show(manifest.json, text: lines.joined(separator: "\n"))
        }
    }
}

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a server's log from a backup, whole or up to a position.",
        discussion: """
            The data directory named by the configuration must have no log yet. The restored log opens a new epoch: clients \
            notice, and sync afresh. The projections are built at the next start.
            """
    )
    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Option(name: .long, help: "The backup's directory.") var from: String
    @Option(name: .long, help: "The last position to restore; the default is all.") var to: UInt64?
    @Flag(name: .long, help: "Only check that the backup can be read to the end.") var dryRun = false

    func run() throws {
        Interruption.watch()
        let archive = BackupArchive(path: from)
        let progress = ProgressLine("records restored")
        let problems = try archive.verify { done, head in
            progress.update(done, of: head)
            return !Interruption.wasRequested
        }
        guard problems.isEmpty else {
            for problem in problems { Terminal.note(problem) }
            throw ExitCode(1)
        }
        if dryRun {
            try output.show(
                ["ok": true], text: "the backup can be restored up to position \(try archive.manifest().head)")
            return
        }
        let configuration = try source.load()
        let last = try archive.restore(
            to: DataDirectory(configuration: configuration),
            mediaStore: configuration.mediaStorePath,
            upTo: to,
            reason: "restored from a backup up to \(to.map { "\($0)" } ?? "its end")"
        ) { done, head in
            progress.update(done, of: head)
            return !Interruption.wasRequested
        }
        output.show(
            ["restored_to": .integer(Int64(clamping: last.rawValue))],
            text: "restored up to position \(last) and opened a new epoch; start the server, it builds the projections")
    }
}
