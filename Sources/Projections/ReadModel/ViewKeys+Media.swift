package import EventLog
package import KeyValueStore

extension ViewKeys {
    /// Media of this server by its ID. One of another server would have the server's name and a slash before it, which no
    /// ID contains.
    package static func media(_ mediaID: String) -> StoreKey { text(mediaID) }

    package static func userMedia(_ user: UserNum, _ position: LogPosition) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(position.rawValue)
    }

    package static func mediaOfUser(_ user: UserNum, _ mediaID: String) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(text(mediaID))
    }

    package static func blob(_ name: [UInt8]) -> StoreKey { StoreKey().appending(name) }

    /// The bytes of a blob's hexadecimal name; nil if it is none.
    package static func blobName(_ hexadecimal: String) -> [UInt8]? {
        let digits = hexadecimal.utf8.map { digit -> UInt8? in
            switch digit {
            case 0x30...0x39: digit &- 0x30
            case 0x61...0x66: digit &- 0x57
            default: nil
            }
        }
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
