package import EventLog
import Glibc
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
    package typealias Progress = @Sendable (LogPosition, LogPosition) -> Bool

    package struct Interrupted: Error, CustomStringConvertible {
        package init() {}
        package var description: String { "interrupted; run the same command again to go on" }
    }

    package let data: DataDirectory
    private let searches: Bool
    let progress: Progress

    /// - Parameter searches: whether the server has a search index.
    package init(data: DataDirectory, searches: Bool, progress: @escaping Progress) {
        self.data = data
        self.searches = searches
        self.progress = progress
    }

    private func engine(_ views: Views, _ reader: LogReader) -> ProjectionEngine {
        let source = RecordSource(
            read: { try reader.read(from: $0, limit: $1) },
            head: { try reader.head() }
        )
        return ProjectionEngine(views: views, projections: builtInProjections, source: source)
    }

    /// Replays the log beside the live projections and puts the new ones in their place. The server must not run.
    ///
    /// - Parameter projections: nil for all, the search index among them.
    /// - Returns: the digests of all projections afterwards.
    package func replace(projections: [String]?) throws -> [(name: String, digest: [UInt8])] {
        let wantsSearch = projections?.contains(Self.searchName) ?? searches
        let others = projections?.filter { $0 != Self.searchName }
        let digests = try replaceViews(projections: others)
        if wantsSearch { return digests + [try replaceSearch()] }
        return digests + (searches ? try searchDigest().map { [$0] } ?? [] : [])
    }

    private func replaceViews(projections: [String]?) throws -> [(name: String, digest: [UInt8])] {
        let reader = try LogReader(directory: data.log)
        try DataDirectory.makeDirectories(data.views)
        let views = try Views(directory: data.views)
        defer { try? views.close() }
        let engine = engine(views, reader)
        let progress = progress
        let replay: ReplayProgress = { done, head, _ in progress(done, head) }
        try engine.catchUp(progress: replay)
        if projections?.isEmpty != true { try engine.rebuild(projections, progress: replay) }
        return try engine.digests().map { ($0.name, $0.digest) }
    }

    /// Replays the log into a scratch directory, up to where the live projections stand, and compares the digests.
    package func compare() throws -> [Comparison] {
        try compareViews() + (searches ? try compareSearch().map { [$0] } ?? [] : [])
    }

    private func compareViews() throws -> [Comparison] {
        let reader = try LogReader(directory: data.log)
        let live = try Views(directory: data.views, readOnly: true)
        let scratchPath = data.root + "/views.compare"
        try DataDirectory.remove(scratchPath)
        try DataDirectory.makeDirectories(scratchPath)
        let scratch = try Views(directory: scratchPath)
        defer {
            try? scratch.close()
            try? DataDirectory.remove(scratchPath)
        }
        let rebuilt = engine(scratch, reader)
        let progress = progress
        // A running server moves on while this replays: take the live digests of one snapshot, then replay up to it.
        let (liveDigests, position) = try engine(live, reader).digestsWithPosition()
        try rebuilt.catchUp(upTo: position) { done, head, _ in progress(done, head) }
        return zip(liveDigests, try rebuilt.digests()).map { pair in
            Comparison(name: pair.0.name, live: pair.0.digest, rebuilt: pair.1.digest)
        }
    }
}
