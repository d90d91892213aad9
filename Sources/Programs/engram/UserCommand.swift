import ArgumentParser
import CanonicalJSON
import CommandHandling
import MatrixIdentifiers
import Queries
import ReadModel
import ServerAssembly

struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user",
        abstract: "Add, change and list local accounts.",
        discussion:
            "While the server runs these talk to it through its control socket; otherwise they open the data themselves.",
        subcommands: [Add.self, Password.self, Deactivate.self, List.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make an account.")
        @OptionGroup var source: ConfigOption
        @OptionGroup var output: OutputOptions
        @Argument(help: "The localpart, such as alice.") var name: String
        @Option(name: .long, help: "The password; asked for when left out.") var password: String?
        @Flag(name: .long, help: "Make the user an administrator of the server.") var admin = false

        func run() async throws {
            let secret = try password ?? PasswordPrompt.read("Password for \(name): ")
            let answer = try await Control.perform(
                "add_user", ["name": .string(name), "password": .string(secret), "admin": .bool(admin)], source)
            output.show(answer, text: "added \(answer["user_id"]?.stringValue ?? name)")
        }
    }

    struct Password: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "passwd", abstract: "Give an account another password; its devices are logged out.")
        @OptionGroup var source: ConfigOption
        @OptionGroup var output: OutputOptions
        @Argument(help: "The user ID or localpart.") var name: String
        @Option(name: .long, help: "The password; asked for when left out.") var password: String?
        @Flag(name: .long, help: "Leave the devices logged in.") var keepDevices = false

        func run() async throws {
            let secret = try password ?? PasswordPrompt.read("New password for \(name): ")
            let answer = try await Control.perform(
                "set_password",
                ["name": .string(name), "password": .string(secret), "logout": .bool(!keepDevices)], source)
            output.show(answer, text: "\(answer["user_id"]?.stringValue ?? name) has a new password")
        }
    }

    struct Deactivate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Close an account for ever.")
        @OptionGroup var source: ConfigOption
        @OptionGroup var output: OutputOptions
        @Argument(help: "The user ID or localpart.") var name: String
        @Flag(name: .long, help: "Mark the person's messages to be hidden from newcomers.") var erase = false

        func run() async throws {
            let answer = try await Control.perform(
                "deactivate_user", ["name": .string(name), "erase": .bool(erase)], source)
            output.show(answer, text: "deactivated \(answer["user_id"]?.stringValue ?? name)")
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print all local accounts.")
        @OptionGroup var source: ConfigOption
        @OptionGroup var output: OutputOptions

        func run() throws {
            let queries = try ReadOnlyQueries(data: source.dataDirectory())
            var after: String?
            var rows: [JSONValue] = []
            while true {
                let page = try queries.accounts.accounts(after: after, limit: 500)
                for account in page {
                    rows.append([
                        "user_id": .string(account.userID), "kind": .string(account.accountKind),
                        "admin": .bool(account.isAdmin),
                        "deactivated": .bool(account.isDeactivated),
                        "created": .string(WallClock.text(account.createdMs)),
                    ])
                }
                guard page.count == 500, let last = page.last, let user = UserID(last.userID) else { break }
                after = user.localpart
            }
            let text = rows.map { row in
                let marks = [row["admin"] == true ? "admin" : "", row["deactivated"] == true ? "deactivated" : ""]
                    .filter { !$0.isEmpty }.joined(separator: ", ")
                return "\(row["user_id"]?.stringValue ?? "")  \(row["created"]?.stringValue ?? "")  \(marks)"
            }
            output.show(.array(rows), text: text.isEmpty ? "no accounts" : text.joined(separator: "\n"))
        }
    }
}

/// Changes from the command line: through the running server, or on the data itself when no server runs.
enum Control {
    static func perform(_ verb: String, _ body: JSONObject, _ source: ConfigOption) async throws -> JSONValue {
        let configuration = try source.load()
        do {
            return try await ControlClient(configuration: configuration).perform(verb, body)
        } catch let failure as ControlFailure {
            Terminal.note(failure.message)
            throw ExitCode(1)
        }
    }
}
