package import CanonicalJSON

/// Reads and writes the members of a JSON payload with errors that name the member.
struct JSONPayload {
    var object: JSONObject
    let kind: String

    init(kind: String) {
        object = JSONObject()
        self.kind = kind
    }

    init(_ bytes: [UInt8], kind: String) throws(PayloadError) {
        self.kind = kind
        do {
            guard case .object(let object) = try JSONValue.parse(bytes, limits: .storedPayload) else {
                throw PayloadError(kind: kind, reason: "is not an object")
            }
            self.object = object
        } catch let error as PayloadError {
            throw error
        } catch {
            throw PayloadError(kind: kind, reason: "is not JSON: \(error)")
        }
    }

    func string(_ name: String) throws(PayloadError) -> String {
        guard let value = object[name]?.stringValue else {
            throw PayloadError(kind: kind, reason: "lacks the string \(name)")
        }
        return value
    }

    func integer(_ name: String) throws(PayloadError) -> Int64 {
        guard let value = object[name]?.integerValue else {
            throw PayloadError(kind: kind, reason: "lacks the integer \(name)")
        }
        return value
    }

    func optionalString(_ name: String) -> String? { object[name]?.stringValue }
    func optionalInteger(_ name: String) -> Int64? { object[name]?.integerValue }
    func flag(_ name: String) -> Bool { object[name]?.boolValue ?? false }

    mutating func set(_ name: String, _ value: String?) {
        if let value { object[name] = .string(value) }
    }

    mutating func set(_ name: String, _ value: Int64?) {
        if let value { object[name] = .integer(value) }
    }

    mutating func set(_ name: String, flag: Bool) {
        if flag { object[name] = .bool(true) }
    }

    mutating func set(_ name: String, json: JSONValue?) {
        if let json { object[name] = json }
    }
}

extension JSONLimits {
    /// Payloads come from our own log: deeper and larger than a client may send, so that what was accepted is readable.
    package static let storedPayload: JSONLimits = {
        var limits = JSONLimits.clientBody
        limits.maxBytes = 64 << 20
        limits.maxDepth += 8
        return limits
    }()
}
