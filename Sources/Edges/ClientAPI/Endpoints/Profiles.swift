import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import FederationCommands
import HTTPFront
import MatrixIdentifiers
import Queries
import ReadModel

/// `/profile`.
extension ClientAPI {
    func addProfiles(to table: inout EndpointTable) {
        let reader = settings.profilesRequireLogin ? Access.guest : Access.optional
        table.perform(.get, "/profile/{userId}", reader) { call in
            .json(.object(try await profile(try call.identifier("userId", as: UserID.self))))
        }
        table.perform(.get, "/profile/{userId}/{keyName}", reader) { call in
            let field = call["keyName"]
            try checkFieldName(field)
            let user = try call.identifier("userId", as: UserID.self)
            guard let value = try await profile(user, field: field)[field] else {
                // Of these two, clients of old expect no error.
                if field == "displayname" || field == "avatar_url" { return .emptyObject }
                throw Rejection.notFound("The profile has no such field.")
            }
            return .json(.object(JSONObject([(field, value)])))
        }
        table.perform(.put, "/profile/{userId}/{keyName}", .guest.notSuspended) { try await setField($0) }
        table.perform(.delete, "/profile/{userId}/{keyName}", .guest.notSuspended) { call in
            let field = call["keyName"]
            try checkFieldName(field)
            return try await change(field, to: nil, call)
        }
    }

    private func profile(_ user: UserID, field: String? = nil) async throws -> JSONObject {
        guard user.isOn(environment.serverName) else {
            guard let remote else { throw Self.doesNotFederate }
            return try await remote.lookups.profile(of: user, field: field)
        }
        guard let account = try accountQueries.account(user), !account.isErased,
            let profile = try accountQueries.profile(user)
        else { throw Rejection.notFound("There is no profile of this user.") }
        return profile
    }

    private func setField(_ call: Call) async throws -> HTTPResponse {
        let field = call["keyName"]
        try checkFieldName(field)
        let body = try call.body()
        guard let value = body.object[field] else { throw Rejection.missingParam("\(field) is missing.") }
        return try await change(field, to: try checked(value, of: field), call)
    }

    /// "the name […] MUST be either `avatar_url`, `displayname`, `m.tz`, or a custom field following the Common
    /// Namespaced Identifier Grammar"
    private func checkFieldName(_ name: String) throws {
        guard name.utf8.count <= 255 else {
            throw Rejection(400, "M_KEY_TOO_LARGE", "The name of a profile field may have at most 255 bytes.")
        }
        let isGrammatical =
            (name.utf8.first.map { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 } ?? false)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
                    UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
        guard isGrammatical else { throw Rejection.invalidParam("Invalid profile key.") }
    }

    private func checked(_ value: JSONValue, of field: String) throws -> JSONValue? {
        switch field {
        case "displayname", "avatar_url":
            if value.isNull { return nil }
            guard let text = value.stringValue else { throw Rejection.badJSON("\(field) must be a string.") }
            let limit = field == "displayname" ? 256 : 1000
            guard text.unicodeScalars.count <= limit else {
                throw Rejection.invalidParam("\(field) may have at most \(limit) characters.")
            }
            // An empty name or picture is none.
            return text.isEmpty ? nil : value
        case "m.tz":
            guard value.stringValue != nil else { throw Rejection.badJSON("m.tz must be a string.") }
            return value
        default:
            guard value.canonicalBytes().count < AccountCommands.maximumProfileBytes else {
                throw Rejection(400, "M_PROFILE_TOO_LARGE", "The profile would have 64 KiB or more.")
            }
            return value
        }
    }

    private func change(_ field: String, to value: JSONValue?, _ call: Call) async throws -> HTTPResponse {
        let user = try call.identifier("userId", as: UserID.self)
        let caller = try call.caller
        // "Guest users may only modify their display name; other profile fields may not be changed."
        if caller.isGuest, field != "displayname" {
            throw Rejection(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests may change only their display name.")
        }
        guard user == caller.userID || caller.isAdmin && user.isOn(environment.serverName) else {
            throw Rejection.forbidden("You may change only your own profile.")
        }
        if !caller.isAdmin, closedProfileFields.contains(field) {
            throw Rejection.forbidden("Changing \(field) is disabled on this server.")
        }
        let isChanged = try await accounts.setProfileField(field, of: user, to: value, caller: caller)
        if isChanged, field == "displayname" || field == "avatar_url" {
            try await rooms.setProfileInRooms(user: user, caller: caller)
        }
        return .emptyObject
    }
}
