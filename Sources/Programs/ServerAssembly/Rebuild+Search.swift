import EventLog
import ProjectionEngine
import SearchIndex

/// The search index, which is no table of the views and is built by itself.
extension Rebuild {
    /// How the index is called among the projections.
    package static let searchName = "search"

    private func fill(_ index: SearchIndex, from reader: LogReader, upTo end: LogPosition) throws {
        let source = RecordSource(
            read: { try reader.read(from: $0, limit: $1) },
            head: { try reader.head() }
        )
        let progress = progress
        try SearchRebuild.fill(index, from: source, upTo: end) { done, head in progress(done, head) }
    }

    /// Builds the index anew in its place.
    func replaceSearch() throws -> (name: String, digest: [UInt8]) {
        let reader = try LogReader(directory: data.log)
        try DataDirectory.remove(data.search)
        try DataDirectory.makeDirectories(data.search)
        let index = try SearchIndex(directory: data.search)
        defer { index.close() }
        try fill(index, from: reader, upTo: try reader.head())
        return (Self.searchName, try index.digest().digest)
    }

    /// The digest of the index as it is; nil when there is none.
    func searchDigest() throws -> (name: String, digest: [UInt8])? {
        guard SearchIndex.exists(in: data.search) else { return nil }
        let live = try SearchIndex(directory: data.search, readOnly: true)
        defer { live.close() }
        return (Self.searchName, try live.digest().digest)
    }

    /// Compares the index with one that is built beside it; nil when there is none.
    func compareSearch() throws -> Comparison? {
        guard SearchIndex.exists(in: data.search) else { return nil }
        let reader = try LogReader(directory: data.log)
        let live = try SearchIndex(directory: data.search, readOnly: true)
        defer { live.close() }
        let scratch = data.root + "/search.compare"
        try DataDirectory.remove(scratch)
        try DataDirectory.makeDirectories(scratch)
        defer { try? DataDirectory.remove(scratch) }
        let rebuilt = try SearchIndex(directory: scratch)
        defer { rebuilt.close() }
        // A running server moves on meanwhile: the live digest says up to where it is.
        let (digest, position) = try live.digest()
        try fill(rebuilt, from: reader, upTo: position)
        return Comparison(name: Self.searchName, live: digest, rebuilt: try rebuilt.digest().digest)
    }
}
