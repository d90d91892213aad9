/// A JSON text scanned once, read through views without building a tree.
package struct JSONDocument: Sendable {
    let storage: Storage

    /// The text and its tape; both never change, so views on any thread may share them.
    final class Storage: Sendable {
        let source: [UInt8]
        let tape: ScannedTape

        init(source: [UInt8], tape: ScannedTape) {
            self.source = source
            self.tape = tape
        }

        /// Lends a reader for the time of `body`.
        @inline(__always)
        func withReader<Result>(_ body: (TapeReader) -> Result) -> Result {
            source.withUnsafeBufferPointer { source in
                tape.entries.withUnsafeBufferPointer { body(TapeReader(source: source, tape: $0)) }
            }
        }
    }

    /// Scans a whole JSON text.
    package init(parsing bytes: [UInt8], limits: JSONLimits) throws(JSONError) {
        let entries = try bytes.withUnsafeBufferPointer { (source) throws(JSONError) in
            try TapeScanner.scan(source, limits: limits)
        }
        storage = Storage(source: bytes, tape: ScannedTape(entries: entries))
    }

    /// Scans a copy of a JSON text lent by a pointer.
    package init(parsing bytes: UnsafeRawBufferPointer, limits: JSONLimits) throws(JSONError) {
        try self.init(parsing: [UInt8](bytes), limits: limits)
    }

    /// The whole value.
    package var root: JSONView { JSONView(storage: storage, index: 0) }

    /// The text this document was made from.
    package var bytes: [UInt8] { storage.source }
}

/// The entries of one scanned text.
struct ScannedTape: Sendable {
    let entries: [TapeEntry]
}
