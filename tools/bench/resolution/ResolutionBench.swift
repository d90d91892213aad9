import RoomVersions

/// Measures state resolution on large generated rooms: time, memory and sizes.
///
/// `resolution-bench fork <version> <room> <difference>`, `resolution-bench large <version>`, `resolution-bench auth`: one
/// case each, so that the peak of memory is that of the case.
@main
enum ResolutionBench {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        switch arguments.first {
        case "fork":
            let numbers = arguments.dropFirst(2).compactMap { Int($0) }
            guard let version = version(arguments.dropFirst().first), numbers.count == 2 else { return usage() }
            try ForkBench.run(version, roomSize: numbers[0], difference: numbers[1])
        case "large":
            guard let version = version(arguments.dropFirst().first) else { return usage() }
            try LargeBench.run(version)
        case "auth": try AuthBench.run()
        default: usage()
        }
    }

    private static func version(_ name: String?) -> RoomVersion? { name.flatMap(RoomVersion.named) }

    private static func usage() {
        print("resolution-bench fork <version> <room> <difference> | large <version> | auth")
    }
}
