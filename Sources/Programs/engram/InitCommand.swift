import ArgumentParser
import Configuration
import EventSigning
import Glibc
import ServerAssembly

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a first configuration and signing key into a directory.",
        discussion: "Nothing that exists is overwritten."
    )

    @Option(name: .long, help: "Where to write homeserver.yaml and the key.")
    var directory: String = "."

    @Option(name: .long, help: "The name in user IDs and aliases; it cannot be changed later.")
    var serverName: String

    @Option(name: .long, help: "The port to listen on, on 127.0.0.1.")
    var port: Int = 8008

    func run() throws {
        try DataDirectory.makeDirectories(directory)
        let path = directory + "/homeserver.yaml"
        let keyPath = directory + "/\(serverName.filter { $0 != "/" && $0 != ":" }).signing.key"
        if access(keyPath, F_OK) != 0 {
            let key = SigningKey.generate(version: "a_" + Randomness.letters(4))
            try PrivateFile.write(key.fileText + "\n", to: keyPath)
            Terminal.note("Wrote the signing key to \(keyPath). Keep a copy: it is the server's identity.")
        }
        if access(path, F_OK) == 0 {
            Terminal.note("\(path) exists; left as it is.")
        } else {
            let text = ServerConfiguration.defaultText(
                serverName: serverName,
                port: port,
                signingKeyPath: keyPath.split(separator: "/").last.map(String.init) ?? keyPath,
                registrationSharedSecret: Randomness.letters(40)
            )
            try PrivateFile.write(text, to: path)
            Terminal.note("Wrote \(path).")
        }
        Terminal.line("Start the server with: engram serve --config \(path)")
    }
}
