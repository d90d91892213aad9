/// Builds a JSON text from beginning to end; commas come by themselves.
///
/// Whether a comma is due shows in the last byte written: only `{`, `[` and `:` can stand before a value without one, and
/// no value ends in them. Keys are written in the order given; what is signed goes through `canonicalBytes` instead.
package struct JSONWriter: Sendable {
    /// What was written so far.
    package var bytes: [UInt8]

    /// Creates an empty text with room for `capacity` bytes.
    package init(capacity: Int = 512) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Makes room for `count` more bytes, so that a large document is not copied again and again as it grows. What is
    /// reserved and not written costs address space only.
    package mutating func reserve(_ count: Int) {
        bytes.reserveCapacity(bytes.count + count)
    }

    // MARK: Structure

    package mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
    }

    package mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
    }

    package mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
    }

    package mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
    }

    /// Writes a key and its colon; a value must follow.
    package mutating func key(_ key: String) {
        separate()
        JSONText.append(key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    /// Writes an object whose members `contents` writes.
    package mutating func object<Failure: Error>(
        _ contents: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        beginObject()
        try contents(&self)
        endObject()
    }

    /// Writes an array whose elements `contents` writes.
    package mutating func array<Failure: Error>(
        _ contents: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        beginArray()
        try contents(&self)
        endArray()
    }

    // MARK: Values

    package mutating func string(_ value: String) {
        separate()
        JSONText.append(value, to: &bytes)
    }

    /// Writes valid UTF-8 as a string.
    package mutating func string(utf8 text: UnsafeRawBufferPointer) {
        separate()
        text.withMemoryRebound(to: UInt8.self) { JSONText.append(quoting: $0, to: &bytes) }
    }

    package mutating func integer(_ value: Int64) {
        separate()
        JSONText.append(value, to: &bytes)
    }

    package mutating func integer(_ value: Int) {
        integer(Int64(value))
    }

    package mutating func bool(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    package mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    package mutating func value(_ value: JSONValue) {
        separate()
        value.writeCanonical(into: &bytes)
    }

    package mutating func value(_ value: JSONObject) {
        separate()
        value.writeCanonical(into: &bytes)
    }

    /// Splices a rendered JSON value; empty bytes become `null`, so that the text stays valid.
    package mutating func raw(_ json: [UInt8]) {
        json.withUnsafeBytes { raw($0) }
    }

    /// Splices a rendered JSON value that is part of a larger text.
    package mutating func raw(_ json: ArraySlice<UInt8>) {
        json.withUnsafeBytes { raw($0) }
    }

    /// Splices a rendered JSON value lent by a pointer.
    package mutating func raw(_ json: UnsafeRawBufferPointer) {
        guard !json.isEmpty else { return null() }
        separate()
        bytes.append(contentsOf: json)
    }

    @inline(always)
    private mutating func separate() {
        switch bytes.last {
        case nil, UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ":"): break
        default: bytes.append(UInt8(ascii: ","))
        }
    }
}

extension JSONWriter {
    // MARK: Members

    package mutating func field(_ key: String, _ value: String) {
        self.key(key)
        string(value)
    }

    package mutating func field(_ key: String, _ value: Int64) {
        self.key(key)
        integer(value)
    }

    package mutating func field(_ key: String, _ value: Int) {
        self.key(key)
        integer(value)
    }

    package mutating func field(_ key: String, _ value: Bool) {
        self.key(key)
        bool(value)
    }

    package mutating func field(_ key: String, _ value: JSONValue) {
        self.key(key)
        self.value(value)
    }

    package mutating func field(_ key: String, _ value: JSONObject) {
        self.key(key)
        self.value(value)
    }

    package mutating func field(_ key: String, _ values: [String]) {
        self.key(key)
        beginArray()
        for value in values { string(value) }
        endArray()
    }

    package mutating func field(_ key: String, raw json: [UInt8]) {
        self.key(key)
        raw(json)
    }

    package mutating func field(_ key: String, raw json: ArraySlice<UInt8>) {
        self.key(key)
        raw(json)
    }

    package mutating func field(_ key: String, raw json: UnsafeRawBufferPointer) {
        self.key(key)
        raw(json)
    }

    /// Writes the member only when there is a value.
    package mutating func field(_ key: String, ifPresent value: String?) {
        if let value { field(key, value) }
    }

    /// Writes the member only when there is a value.
    package mutating func field(_ key: String, ifPresent value: Int64?) {
        if let value { field(key, value) }
    }

    /// Writes the member only when there is a value.
    package mutating func field(_ key: String, ifPresent value: JSONValue?) {
        if let value { field(key, value) }
    }
}
