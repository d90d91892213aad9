package import HTTPFront

extension BlobStore {
    /// Writes the body of a request to the disk as it comes; held like ``keep(_:)``'s.
    package func receive(_ body: RequestBodyStream) async throws -> StoredBlob {
        try await withTaskExecutorPreference(pool) {
            let incoming = try begin()
            while let bytes = try await body.next() { try incoming.write(bytes) }
            return try keep(incoming)
        }
    }

    /// Writes content that is in memory; held like ``keep(_:)``'s.
    package func keep(_ content: [UInt8]) async throws -> StoredBlob {
        try await withTaskExecutorPreference(pool) {
            let incoming = try begin()
            try incoming.write(content)
            return try keep(incoming)
        }
    }
}
