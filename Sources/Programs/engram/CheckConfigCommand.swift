import ArgumentParser
import Configuration
import MatrixIdentifiers
import ServerAssembly

struct CheckConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Read the configuration and say what is wrong with it, with line and remedy.",
        discussion: "Ends with 0 when the server would start with it, with 2 when it would not."
    )

    @OptionGroup var source: ConfigOption

    func run() throws {
        let configuration = try source.load(quietly: false)
        for problem in configuration.mediaProblems { Terminal.note(problem) }
        Terminal.line("\(source.config) is in order: server_name \(configuration.serverName.rawValue).")
    }
}
