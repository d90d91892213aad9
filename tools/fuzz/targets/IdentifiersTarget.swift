internal import MatrixIdentifiers

/// Any bytes as each identifier: what is accepted must be put together again by its parts, and fit.
enum IdentifiersTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let string = String(decoding: input, as: UTF8.self)
        let isWhole = string.utf8.elementsEqual(input)
        guard let defect = userDefect(string) ?? roomDefect(string) ?? eventDefect(string) ?? serverDefect(string)
        else {
            return isWhole ? equalityDefect(string) : nil
        }
        return defect
    }

    private static func isSame(_ one: String, _ other: String) -> Bool { one.utf8.elementsEqual(other.utf8) }

    private static func userDefect(_ string: String) -> String? {
        if let user = UserID(string) {
            if !isSame("@" + user.localpart + ":" + user.serverName.rawValue, string) {
                return "user ID is not its parts"
            }
            if string.utf8.count > 255 { return "user ID is too long" }
            if ServerName(user.serverName.rawValue) == nil { return "user ID with an invalid server" }
            if !user.isOn(user.serverName) { return "user is not on their own server" }
            if user.isCurrent, !user.isCompliant { return "current but not compliant" }
            if user.isCurrent, UserID(try? UserID(localpart: user.localpart, server: user.serverName)) != user {
                return "a current user ID cannot be made"
            }
        }
        if let alias = RoomAlias(string) {
            if !isSame("#" + alias.localpart + ":" + alias.serverName.rawValue, string) {
                return "alias is not its parts"
            }
            if ServerName(alias.serverName.rawValue) == nil { return "alias with an invalid server" }
        }
        return nil
    }

    private static func roomDefect(_ string: String) -> String? {
        guard let room = RoomID(string) else { return nil }
        let parts = "!" + room.opaque + (room.serverName.map { ":" + $0.rawValue } ?? "")
        if !isSame(parts, string) { return "room ID is not its parts" }
        if let server = room.serverName, ServerName(server.rawValue) == nil { return "room ID with an invalid server" }
        guard let create = room.createEventID else { return nil }
        guard let parsed = EventID(create.rawValue) else { return "create event ID is invalid" }
        return RoomID(createEventID: parsed) == room ? nil : "create event ID is of another room"
    }

    private static func eventDefect(_ string: String) -> String? {
        guard let event = EventID(string) else { return nil }
        let parts = "$" + event.opaque + (event.serverName.map { ":" + $0.rawValue } ?? "")
        return isSame(parts, string) ? nil : "event ID is not its parts"
    }

    private static func serverDefect(_ string: String) -> String? {
        if let device = DeviceID(string), device.rawValue.utf8.count > 255 { return "device ID is too long" }
        guard let server = ServerName(string) else { return nil }
        if server.host.isEmpty { return "server without a host" }
        // A port may have leading zeros.
        let rest = string.utf8.dropFirst(server.host.utf8.count)
        if !string.utf8.starts(with: server.host.utf8) { return "the host is not the beginning" }
        if rest.isEmpty != (server.port == nil) { return "port is not the rest" }
        if !string.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) { return "server name with a wrong byte" }
        if server.isAddressLiteral, server.host.utf8.contains(where: { $0 == UInt8(ascii: "-") }) {
            return "an address with a hyphen"
        }
        return nil
    }

    /// Equality and order are those of the bytes.
    private static func equalityDefect(_ string: String) -> String? {
        guard let event = EventID(string), let other = EventID(string + "x") else { return nil }
        return event == event && event < other && event != other ? nil : "order is not that of bytes"
    }
}

extension UserID {
    fileprivate init?(_ made: UserID?) {
        guard let made else { return nil }
        self = made
    }
}
