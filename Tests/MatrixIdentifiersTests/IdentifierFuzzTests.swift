import MatrixIdentifiers
import TestSupport
import Testing

/// Damages valid identifiers at random: no damage may trap, and what is accepted keeps its own promises.
@Suite struct IdentifierFuzzTests {
    static let corpus = [
        "@alice:example.org", "!opaque:[::1]:8448", "$31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM", "#é日😀:1.2.3.4:80",
        "[1234:5678::abcd]:5678", "[::ffff:1.2.3.4]", "matrix.org:8888", "@:x", "GHTYAJCE",
    ]

    static let pieces: [Unicode.Scalar] = [
        "@", "!", "$", "#", ":", ".", "[", "]", "-", "0", "9", "f", "A", " ", "\u{0}", "\u{301}", "\r", "\n", "é", "😀",
        "\u{200D}",
    ]

    /// 8 × 5,000 damaged strings.
    @Test(arguments: 0..<8 as Range<UInt64>) func `damaged identifiers never trap`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var accepted = 0
        for round in 0..<5000 {
            let string = damaged(&random)
            let defect = defect(of: string, accepted: &accepted)
            #expect(defect == nil, "seed \(seed), round \(round): \(string.debugDescription)")
        }
        #expect(accepted > 1000)
    }

    private func damaged(_ random: inout SeededRandom) -> String {
        var scalars = Array(Self.corpus[random.below(Self.corpus.count)].unicodeScalars)
        for _ in 0..<random.below(4) {
            let place = random.below(scalars.count)
            let piece = Self.pieces[random.below(Self.pieces.count)]
            switch random.below(4) {
            case 0 where !scalars.isEmpty: scalars[place] = piece
            case 1 where !scalars.isEmpty: scalars.remove(at: place)
            case 2 where random.oneIn(20): scalars.insert(contentsOf: Array(repeating: piece, count: 300), at: place)
            default: scalars.insert(piece, at: place)
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }

    /// What is wrong with how a string is judged; nil when nothing is.
    private func defect(of string: String, accepted: inout Int) -> String? {
        let bytes = Array(string.utf8)
        if let user = UserID(string) {
            accepted += 1
            let parts = "@" + user.localpart + ":" + user.serverName.rawValue
            if Array(parts.utf8) != bytes { return "user ID is not its parts" }
            if ServerName(user.serverName.rawValue) == nil { return "server name of user ID is invalid" }
            if user.isCurrent, !user.isCompliant { return "current but not compliant" }
        }
        if let alias = RoomAlias(string) {
            accepted += 1
            let parts = "#" + alias.localpart + ":" + alias.serverName.rawValue
            if Array(parts.utf8) != bytes { return "alias is not its parts" }
        }
        if let room = RoomID(string) {
            accepted += 1
            let parts = "!" + room.opaque + (room.serverName.map { ":" + $0.rawValue } ?? "")
            if Array(parts.utf8) != bytes { return "room ID is not its parts" }
            if let create = room.createEventID, EventID(create.rawValue) == nil { return "create event ID is invalid" }
        }
        if let event = EventID(string) {
            accepted += 1
            let parts = "$" + event.opaque + (event.serverName.map { ":" + $0.rawValue } ?? "")
            if Array(parts.utf8) != bytes { return "event ID is not its parts" }
        }
        if let server = ServerName(string) {
            accepted += 1
            if !server.rawValue.hasPrefix(server.host) { return "host is no prefix" }
            if server.host.isEmpty || bytes.contains(where: { $0 > 0x7E || $0 < 0x21 }) { return "host is invalid" }
        }
        if let device = DeviceID(string), device.rawValue.utf8.count > 255 { return "device ID is too long" }
        return nil
    }
}
