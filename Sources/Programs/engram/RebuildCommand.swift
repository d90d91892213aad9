import ArgumentParser
import CanonicalJSON
import Configuration
import EventLog
import ProjectionEngine
import ServerAssembly

struct RebuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract: "Build the projections anew from the log, or compare the live ones with a rebuild.",
        discussion: """
            The new ones are built beside the live ones and take their place at the end; the server must not run.
            An interrupted rebuild goes on where it stopped. With --verify nothing is replaced: the digests of the live
            projections are compared with those of a rebuild, also while the server runs.
            """
    )

    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Option(name: .long, help: "Rebuild only this projection; may be given several times.")
    var projection: [String] = []
    @Flag(name: .long, help: "Only compare; end with 1 when a digest differs.")
    var verify = false

    func run() throws {
        Interruption.watch()
        let configuration = try source.load()
        let progress = ProgressLine(verify ? "records replayed for comparison" : "records replayed")
        let work = Rebuild(data: DataDirectory(configuration: configuration), searches: configuration.searchEnabled) {
            done, head in
            progress.update(done.rawValue, of: head.rawValue)
            return !Interruption.wasRequested
        }
        if verify {
            let comparison = try work.compare()
            show(comparison)
            if comparison.contains(where: { $0.live != $0.rebuilt }) { throw ExitCode(1) }
        } else {
            let digests = try work.replace(projections: projection.isEmpty ? nil : projection)
            show(digests.map { Rebuild.Comparison(name: $0.name, live: $0.digest, rebuilt: $0.digest) })
        }
    }

    private func show(_ rows: [Rebuild.Comparison]) {
        let json = rows.map { row -> JSONValue in
            [
                "projection": .string(row.name), "live": .string(Hexadecimal.text(row.live)),
                "rebuilt": .string(Hexadecimal.text(row.rebuilt)), "equal": .bool(row.live == row.rebuilt),
            ]
        }
        let text = rows.map { row in
            let name = row.name + String(repeating: " ", count: max(1, 16 - row.name.count))
            return row.live == row.rebuilt
                ? "\(name)\(Hexadecimal.text(row.live))"
                : "\(name)live \(Hexadecimal.text(row.live)) DIFFERS from rebuilt \(Hexadecimal.text(row.rebuilt))"
        }
        output.show(.array(json), text: text.joined(separator: "\n"))
    }
}
