import ArgumentParser
import Configuration
import ServerAssembly

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the homeserver until SIGTERM or SIGINT.",
        discussion: "SIGHUP reads the TLS certificates again."
    )

    @OptionGroup var source: ConfigOption

    func run() async throws {
        let configuration = try source.load(quietly: false)
        do {
            let homeserver = try Homeserver(configuration: configuration)
            try await homeserver.run()
        } catch {
            Terminal.note("engram cannot run: \(error)")
            throw ExitCode(1)
        }
    }
}
