import CanonicalJSON

/// Finds the parts of a stored client event without parsing it.
///
/// Stored events are open objects whose members stand in a fixed order: `event_id`, `type`, `sender`, `origin_server_ts`,
/// perhaps `state_key`, perhaps `redacts`, and `content` to the end. All slices stand as in JSON: escapes not resolved.
struct ClientEventSlices {
    let json: UnsafeRawBufferPointer
    private(set) var eventID = UnsafeRawBufferPointer(start: nil, count: 0)
    private(set) var type = UnsafeRawBufferPointer(start: nil, count: 0)
    private(set) var sender = UnsafeRawBufferPointer(start: nil, count: 0)
    private(set) var stateKey: UnsafeRawBufferPointer?
    /// The rendered object.
    private(set) var content = UnsafeRawBufferPointer(start: nil, count: 0)

    init(_ json: UnsafeRawBufferPointer) {
        self.json = json
        var at = 1
        while let key = Self.string(in: json, at: &at) {
            at += 1
            guard at < json.count else { return }
            if json[at] == UInt8(ascii: "\"") {
                guard let value = Self.string(in: json, at: &at) else { return }
                keep(value, under: key)
            } else if key.count == 7, key[0] == UInt8(ascii: "c") {
                content = UnsafeRawBufferPointer(rebasing: json[at...])
                return
            } else {
                while at < json.count, json[at] != UInt8(ascii: ",") { at += 1 }
            }
            at += 1
        }
    }

    private mutating func keep(_ value: UnsafeRawBufferPointer, under key: UnsafeRawBufferPointer) {
        switch (key.count, key.first) {
        case (8, UInt8(ascii: "e")): eventID = value
        case (4, UInt8(ascii: "t")): type = value
        case (6, UInt8(ascii: "s")): sender = value
        case (9, UInt8(ascii: "s")): stateKey = value
        default: break
        }
    }

    /// Reads a quoted string and moves behind it.
    private static func string(in json: UnsafeRawBufferPointer, at: inout Int) -> UnsafeRawBufferPointer? {
        guard at < json.count, json[at] == UInt8(ascii: "\"") else { return nil }
        let start = at + 1
        var end = start
        while end < json.count, json[end] != UInt8(ascii: "\"") {
            end += json[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard end < json.count else { return nil }
        at = end + 1
        return UnsafeRawBufferPointer(rebasing: json[start..<end])
    }

    /// "includes only events with a `url` key in their content".
    var contentHasURL: Bool {
        guard let object = parsedContent else { return false }
        return object["url"] != nil
    }

    /// The content as a tree; nil when the stored bytes are no object, which only damage can bring about.
    var parsedContent: JSONObject? {
        guard let value = try? JSONValue.parse(content, limits: .renderedEvent) else { return nil }
        return value.objectValue
    }

    /// A slice with its escapes resolved.
    static func text(_ slice: UnsafeRawBufferPointer) -> String {
        guard slice.contains(UInt8(ascii: "\\")) else { return String(decoding: slice, as: UTF8.self) }
        var quoted: [UInt8] = [UInt8(ascii: "\"")]
        quoted.append(contentsOf: slice)
        quoted.append(UInt8(ascii: "\""))
        let value = try? JSONValue.parse(quoted, limits: .renderedEvent)
        return value?.stringValue ?? String(decoding: slice, as: UTF8.self)
    }
}
