/// A JSON text scanned once, read through views without building a tree.
package struct JSONDocument: Sendable {
    let storage: Storage

    /// The text and its tape.
    ///
    // SAFETY: both are written before the object is made and never change; the tape is freed with the object.
    final class Storage: @unchecked Sendable {
        let source: [UInt8]
        private let tape: Tape

        init(source: [UInt8], tape: Tape) {
            self.source = source
            self.tape = tape
        }

        deinit { tape.deallocate() }

        @inline(always)
        func entry(_ index: Int) -> TapeEntry { tape.entries[index] }

        /// Lends a reader for the time of `body`.
        @inline(always)
        func withReader<Result>(_ body: (TapeReader) -> Result) -> Result {
            source.withUnsafeBufferPointer { body(TapeReader(source: $0, tape: tape)) }
        }
    }

    /// Scans a whole JSON text.
    package init(parsing bytes: [UInt8], limits: JSONLimits) throws(JSONError) {
        let tape = try bytes.withUnsafeBufferPointer { (source) throws(JSONError) in
            try TapeScanner.scan(source, limits: limits)
        }
        storage = Storage(source: bytes, tape: tape)
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
