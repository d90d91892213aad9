import EventLog

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
    /// In rooms with events that came late: what stands before this place of the room's graph lies before the token, as far as
    /// it stands at or before ``position`` or came late. Only `/messages` gives out such tokens.
    package var place: TimelinePlace?

    package init(epoch: UInt64, position: UInt64, ephemeral: UInt64 = 0, toDevice: UInt64? = nil) {
        self.epoch = epoch
        self.position = position
        self.ephemeral = ephemeral
        self.toDevice = toDevice
    }

    package init(epoch: UInt64, position: UInt64, place: TimelinePlace?) {
        self.init(epoch: epoch, position: position)
        self.place = place
    }

    /// Reads `s<epoch>_<position>_<ephemeral>_<to device>`, of which the last parts may be absent, or
    /// `t<epoch>_<position>_<depth>_<position in the graph>`.
    package init(parsing text: String) throws(QueryRefusal) {
        let kind = text.utf8.first
        guard text.utf8.count <= 128, kind == UInt8(ascii: "s") || kind == UInt8(ascii: "t") else {
            throw Self.malformed
        }
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
        if kind == UInt8(ascii: "t") {
            guard numbers.count == 4, let depth = Int64(exactly: numbers[2]) else { throw Self.malformed }
            let place = TimelinePlace(depth: depth, position: LogPosition(rawValue: numbers[3]))
            self.init(epoch: numbers[0], position: numbers[1], place: place)
            return
        }
        self.init(
            epoch: numbers[0], position: numbers[1], ephemeral: numbers.count > 2 ? numbers[2] : 0,
            toDevice: numbers.count > 3 ? numbers[3] : nil)
    }

    private static let malformed = QueryRefusal(
        400, "M_INVALID_PARAM", "The token is not one that this server gave out.")

    package var description: String {
        if let place { return "t\(epoch)_\(position)_\(place.depth)_\(place.position.rawValue)" }
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
