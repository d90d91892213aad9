package import EventLog
import KeyValueStore
import ProjectionEngine
import Projections
import ReadModel

/// Builds projections anew from the log, to replace the live ones or to compare with them.
package struct Rebuild {
    package struct Comparison: Sendable {
        package let name: String
        package let live: [UInt8]
        package let rebuilt: [UInt8]

        package init(name: String, live: [UInt8], rebuilt: [UInt8]) {
            self.name = name
            self.live = live
            self.rebuilt = rebuilt
        }
    }

    /// Told how far it got; returning false stops, and the next call goes on from there.
    package typealias Progress = (LogPosition, LogPosition) -> Bool

    package let data: DataDirectory
    private let progress: Progress

    package init(data: DataDirectory, progress: @escaping Progress) {
        self.data = data
        self.progress = progress
    }

    package struct Interrupted: Error, CustomStringConvertible {
        package var description: String { "interrupted; run the same command again to go on" }
    }
}
