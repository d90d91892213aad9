import ArgumentParser
import CanonicalJSON
import Configuration
import ServerAssembly

/// `--config FILE`, for every verb that works on a server's data.
struct ConfigOption: ParsableArguments {
    @Option(name: [.short, .long], help: "The server's configuration file.")
    var config: String = "homeserver.yaml"

    /// Reads the configuration; problems are printed with file, line and what to write.
    func load(quietly: Bool = true) throws -> ServerConfiguration {
        do {
            let (configuration, warnings) = try ServerConfiguration.load(path: config)
            if !quietly { for warning in warnings { Terminal.note("\(warning)") } }
            return configuration
        } catch {
            Terminal.note("\(error)")
            throw ExitCode(2)
        }
    }

    func dataDirectory() throws -> DataDirectory { DataDirectory(configuration: try load()) }
}

/// `--json` beside human output.
struct OutputOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON instead of text.")
    var json = false

    /// Prints the one or the other.
    func show(_ value: @autoclosure () throws -> JSONValue, text: @autoclosure () throws -> String) rethrows {
        if json {
            Terminal.line(String(decoding: try value().canonicalBytes(), as: UTF8.self))
        } else {
            Terminal.line(try text())
        }
    }
}
