package import KeyValueStore

/// One signing key of another server.
package struct ServerKeyRow: Hashable, Sendable {
    package enum Validity: Hashable, Sendable {
        /// One of `verify_keys`: the document's `valid_until_ts`, and when the document was fetched.
        case current(validUntil: Int64, fetched: Int64)
        /// One of `old_verify_keys`, with its `expired_ts`.
        case old(expired: Int64)
    }

    /// The public key in Base64, as published.
    package var text: String
    package var validity: Validity

    package init(text: String, validity: Validity) {
        self.text = text
        self.validity = validity
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        text = try input.readFramedString()
        let isCurrent = try input.readUInt8() != 0
        let time = try input.readInt64()
        validity = isCurrent ? .current(validUntil: time, fetched: try input.readInt64()) : .old(expired: time)
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 80)
        out.writeFramed(text)
        switch validity {
        case .current(let validUntil, let fetched):
            out.write(1 as UInt8)
            out.write(validUntil)
            out.write(fetched)
        case .old(let expired):
            out.write(0 as UInt8)
            out.write(expired)
        }
        return out
    }
}

/// The newest document of a server's keys.
package struct ServerKeyDocumentRow: Sendable {
    package var fetchedMs: Int64
    package var validUntil: Int64
    package var json: [UInt8]

    package init(fetchedMs: Int64, validUntil: Int64, json: [UInt8]) {
        self.fetchedMs = fetchedMs
        self.validUntil = validUntil
        self.json = json
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        fetchedMs = try input.readInt64()
        validUntil = try input.readInt64()
        json = Array(input.readRest())
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: json.count + 16)
        out.write(fetchedMs)
        out.write(validUntil)
        out.writeBytes(json)
        return out
    }
}
