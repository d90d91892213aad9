import Glibc
import RoomVersions

/// Measures state resolution on large generated rooms: time of the processor, memory and sizes.
///
/// `resolution-bench [fork <version> <room> <difference> | large <version> | auth]`; without arguments all cases, each in a
/// process of its own, so that the peak of memory is that of the case.
@main
enum ResolutionBench {
    private static let cases = [
        "auth", "fork 11 100000 100", "fork 11 100000 1000", "fork 11 100000 10000", "fork 11 10000 1000",
        "fork 12 100000 100", "fork 12 100000 1000", "fork 12 100000 10000", "fork 12 10000 1000", "large 11",
        "large 12",
    ]

    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        switch arguments.first {
        case "fork":
            let numbers = arguments.dropFirst(2).compactMap { Int($0) }
            guard let version = version(arguments.dropFirst().first), numbers.count == 2 else { return }
            try ForkBench.run(version, roomSize: numbers[0], difference: numbers[1])
        case "large":
            guard let version = version(arguments.dropFirst().first) else { return }
            try LargeBench.run(version)
        case "auth": try AuthBench.run()
        default: for name in cases { runAlone(name) }
        }
    }

    private static func version(_ name: String?) -> RoomVersion? { name.flatMap(RoomVersion.named) }

    private static func runAlone(_ name: String) {
        var arguments = ([CommandLine.arguments[0]] + name.split(separator: " ").map(String.init)).map { strdup($0) }
        arguments.append(nil)
        var child: pid_t = 0
        guard posix_spawn(&child, "/proc/self/exe", nil, nil, arguments, environ) == 0 else { return }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        for argument in arguments { free(argument) }
    }
}
