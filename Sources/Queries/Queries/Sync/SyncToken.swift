/// A place in everything that a client can be told: an epoch, a log position and a count of ephemeral changes.
///
/// `next_batch`, `prev_batch` and the tokens of `/messages` are all of this kind: what stands at or before the position lies
/// before the token.
package struct SyncToken: Sendable, Hashable, CustomStringConvertible {
    package var epoch: UInt64
    package var position: UInt64
    package var ephemeral: UInt64
    /// Up to where messages to the device were told, when that is not up to ``position``.
    package var toDevice: UInt64?

    package init(epoch: UInt64, position: UInt64, ephemeral: UInt64 = 0, toDevice: UInt64? = nil) {
        self.epoch = epoch
        self.position = position
        self.ephemeral = ephemeral
        self.toDevice = toDevice
    }

    /// Reads `s<epoch>_<position>_<ephemeral>_<to device>`; the last parts may be absent.
    package init(parsing text: String) throws(QueryRefusal) {
        guard text.utf8.count <= 128, text.utf8.first == UInt8(ascii: "s") else { throw Self.malformed }
        // "A `pos` token can be used in `/messages` and `/relations` APIs": it is a token with the connection behind it.
        let token = text.utf8.prefix { $0 != UInt8(ascii: "~") }
        let parts = token.dropFirst().split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
        guard (2...4).contains(parts.count) else { throw Self.malformed }
        var numbers: [UInt64] = []
        for part in parts {
            guard part.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(String(Substring(part))) else {
                throw Self.malformed
            }
            numbers.append(number)
        }
        self.init(
            epoch: numbers[0], position: numbers[1], ephemeral: numbers.count > 2 ? numbers[2] : 0,
            toDevice: numbers.count > 3 ? numbers[3] : nil)
    }

    private static let malformed = QueryRefusal(
        400, "M_INVALID_PARAM", "The token is not one that this server gave out.")

    package var description: String {
        if let toDevice { return "s\(epoch)_\(position)_\(ephemeral)_\(toDevice)" }
        return ephemeral == 0 ? "s\(epoch)_\(position)" : "s\(epoch)_\(position)_\(ephemeral)"
    }

    /// Refuses a token of another epoch, or of a future that this log has not reached.
    func checked(epoch: UInt64, head: UInt64) throws(QueryRefusal) -> SyncToken {
        guard self.epoch == epoch, position <= head else {
            throw QueryRefusal(
                400, "M_UNKNOWN_POS", "The token is from before this server was restored from a backup: sync anew.")
        }
        return self
    }
}
