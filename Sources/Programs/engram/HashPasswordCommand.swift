import ArgumentParser
import CommandHandling
import Glibc

struct HashPasswordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hash-password",
        abstract: "Print the argon2id hash of a password read from the terminal or standard input."
    )

    func run() async throws {
        let password = try PasswordPrompt.read("Password: ")
        Terminal.line(try await PasswordHashing().hash(password))
    }
}

/// Asks for a password without showing it; takes a line of standard input when that is no terminal.
enum PasswordPrompt {
    static func read(_ prompt: String) throws -> String {
        let text: String?
        if isatty(STDIN_FILENO) == 1, let typed = getpass(prompt) {
            text = String(cString: typed)
        } else {
            text = readLine(strippingNewline: true)
        }
        guard let text, !text.isEmpty else { throw ValidationError("A password is needed.") }
        return text
    }
}
