import CanonicalJSON
import Decisions

/// The body of `POST /pushers/set`, judged member by member.
struct PusherRequest {
    private let body: JSONObject

    init(_ body: JSONObject) {
        self.body = body
    }

    /// "This is a reverse-DNS style identifier for the application. Max length, 64 chars."
    var appID: String {
        get throws {
            let appID = try string("app_id", longest: 4 * 64)
            guard appID.unicodeScalars.count <= 64 else {
                throw Rejection.invalidParam("app_id may have at most 64 characters.")
            }
            return appID
        }
    }

    /// "Max length, 512 bytes."
    var pushKey: String {
        get throws { try string("pushkey", longest: 512) }
    }

    /// Nil for `null`, which must be said.
    var kind: String? {
        get throws {
            guard let value = body["kind"] else { throw Rejection.missingParam("kind is missing.") }
            if value.isNull { return nil }
            guard let kind = value.stringValue else { throw Rejection.badJSON("kind must be a string or null.") }
            return kind
        }
    }

    /// "If true, the homeserver should add another pusher […] in addition to any others with different user IDs."
    var isAppended: Bool {
        get throws {
            guard let value = body["append"], !value.isNull else { return false }
            guard let flag = value.boolValue else { throw Rejection.badJSON("append must be true or false.") }
            return flag
        }
    }

    /// The pusher as clients see it.
    func pusher(allowsHTTP: Bool) throws -> JSONObject {
        var missing: [String] = []
        for name in ["app_display_name", "device_display_name", "lang", "data"] where body[name]?.isNull ?? true {
            missing.append(name)
        }
        guard missing.isEmpty else {
            throw Rejection.missingParam("Missing parameters: " + missing.joined(separator: ", "))
        }
        var pusher: JSONObject = [
            "kind": "http", "app_id": .string(try appID), "pushkey": .string(try pushKey),
            "app_display_name": .string(try string("app_display_name", longest: 1024)),
            "device_display_name": .string(try string("device_display_name", longest: 1024)),
            "lang": .string(try string("lang", longest: 1024)),
        ]
        if let value = body["profile_tag"], !value.isNull {
            pusher["profile_tag"] = .string(try string("profile_tag", longest: 1024))
        }
        guard let data = body["data"]?.objectValue else { throw Rejection.badJSON("data must be an object.") }
        guard data.hasOnlyCanonicalNumbers, data.canonicalBytes().count <= 16_384 else {
            throw Rejection.invalidParam("data may have at most 16384 bytes, and no numbers but integers.")
        }
        try Self.check(url: data["url"], allowsHTTP: allowsHTTP)
        if let format = data["format"], format.stringValue == nil {
            throw Rejection.badJSON("data.format must be a string.")
        }
        pusher["data"] = .object(data)
        return pusher
    }

    /// "Required if `kind` is `http`. The URL to use for sending notifications. MUST be an HTTPS URL with a path of
    /// `/_matrix/push/v1/notify`."
    private static func check(url value: JSONValue?, allowsHTTP: Bool) throws {
        guard let value, !value.isNull else { throw Rejection.missingParam("data.url is missing.") }
        guard let text = value.stringValue else { throw Rejection.badJSON("data.url must be a string.") }
        guard let url = GatewayURL(text) else {
            throw Rejection.invalidParam("data.url must be an HTTPS URL with the path /_matrix/push/v1/notify.")
        }
        guard url.isTLS || allowsHTTP else { throw Rejection.invalidParam("data.url must be an HTTPS URL.") }
    }

    private func string(_ name: String, longest: Int) throws -> String {
        guard let value = body[name], !value.isNull else { throw Rejection.missingParam("\(name) is missing.") }
        guard let text = value.stringValue else { throw Rejection.badJSON("\(name) must be a string.") }
        guard text.utf8.count <= longest else {
            throw Rejection.invalidParam("\(name) may have at most \(longest) bytes.")
        }
        return text
    }
}
