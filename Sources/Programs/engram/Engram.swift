import ArgumentParser

/// The one executable: the server, and everything an operator does with its data.
@main
struct Engram: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "engram",
        abstract: "A Matrix homeserver whose only truth is an append-only log.",
        version: version,
        subcommands: [
            InitCommand.self, CheckConfigCommand.self, ServeCommand.self, UserCommand.self, HashPasswordCommand.self,
            LogCommand.self, RebuildCommand.self, AuditCommand.self, InspectCommand.self, BackupCommand.self,
            RestoreCommand.self,
        ]
    )
}
