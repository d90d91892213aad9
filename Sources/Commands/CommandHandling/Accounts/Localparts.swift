import CanonicalJSON
package import Decisions
package import MatrixIdentifiers

/// Which user names may be taken.
package enum Localparts {
    /// The user ID of a name that a client asks for.
    ///
    /// "the server MUST either map the provided `username` onto a `user_id` in a logical manner, or reject any `username`
    /// which does not comply to the grammar with `M_INVALID_USERNAME`."
    ///
    /// - Parameter isPrivileged: an administrator asks: names kept for guests and bridges are allowed.
    package static func userID(
        requested: String, server: ServerName, isPrivileged: Bool = false
    ) throws(Rejection) -> UserID {
        let userID: UserID
        do {
            userID = try UserID(localpart: asciiLowercased(requested), server: server)
        } catch {
            throw invalid(
                error.reason == .tooLong
                    ? "The user name is too long: with the server name it may have 255 bytes."
                    : "A user name may contain only the characters a-z, 0-9, '.', '_', '=', '-', '/' and '+'.")
        }
        if isPrivileged { return userID }
        let localpart = userID.localpart
        if localpart.utf8.first == UInt8(ascii: "_") { throw invalid("A user name may not begin with '_'.") }
        // Guests get numbers, so that a name and a guest never meet.
        if localpart.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) {
            throw invalid("A user name may not be a number; numbers are for guests.")
        }
        return userID
    }

    /// Lower-cases A to Z and nothing else.
    package static func asciiLowercased(_ text: String) -> String {
        String(decoding: text.utf8.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// A name for somebody who asked for none: ten letters and digits, the first a letter.
    static func generated(randomBytes: (Int) -> [UInt8]) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
        let letters = randomBytes(11).enumerated().map { index, byte in
            alphabet[Int(byte) % (index == 0 ? 26 : alphabet.count)]
        }
        return String(decoding: letters, as: UTF8.self)
    }

    /// A guest's number.
    static func generatedGuest(randomBytes: (Int) -> [UInt8]) -> String {
        String(decoding: randomBytes(14).map { UInt8(ascii: "0") + $0 % 10 }, as: UTF8.self)
    }

    /// A device ID of ten capital letters.
    static func generatedDeviceID(randomBytes: (Int) -> [UInt8]) -> String {
        String(decoding: randomBytes(10).map { UInt8(ascii: "A") + $0 % 26 }, as: UTF8.self)
    }

    private static func invalid(_ message: String) -> Rejection { Rejection(400, "M_INVALID_USERNAME", message) }
}
