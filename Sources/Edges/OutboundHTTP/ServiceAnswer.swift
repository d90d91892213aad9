/// One place where a service is offered (RFC 2782).
package struct ServiceRecord: Sendable, Hashable {
    package let priority: UInt16
    package let weight: UInt16
    package let port: UInt16
    /// Without the dot at its end; empty where the service is decidedly not offered.
    package let target: String

    package init(priority: UInt16, weight: UInt16, port: UInt16, target: String) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.target = target
    }
}

/// The SRV records in the answer of a name server.
package struct ServiceAnswer: Sendable, Hashable {
    package let records: [ServiceRecord]
    /// How long they hold, in seconds.
    package let lifetime: UInt32

    private static let mostRecords = 64
    private static let service: UInt16 = 33
    private static let internet: UInt16 = 1

    /// Reads an answer (RFC 1035, section 4); nil when it is malformed. Records of other types are passed over.
    package init?(_ bytes: [UInt8]) {
        var reader = DNSReader(bytes)
        // Identifier, flags, and the counts of questions, answers, authorities and others.
        guard reader.skip(4), let questions = reader.number(), let answers = reader.number(), reader.skip(4) else {
            return nil
        }
        for _ in 0..<questions {
            guard reader.skipName(), reader.skip(4) else { return nil }
        }
        var records: [ServiceRecord] = []
        var lifetime = UInt32.max
        for _ in 0..<answers {
            guard reader.skipName(), let type = reader.number(), let kind = reader.number(),
                let high = reader.number(), let low = reader.number(), let length = reader.number()
            else { return nil }
            let end = reader.offset + Int(length)
            guard end <= bytes.count else { return nil }
            if type == Self.service, kind == Self.internet, records.count < Self.mostRecords {
                guard let priority = reader.number(), let weight = reader.number(), let port = reader.number(),
                    let target = reader.name(), reader.offset <= end
                else { return nil }
                records.append(ServiceRecord(priority: priority, weight: weight, port: port, target: target))
                lifetime = min(lifetime, UInt32(high) << 16 | UInt32(low))
            }
            reader.offset = end
        }
        self.records = records
        self.lifetime = records.isEmpty ? 0 : lifetime
    }
}

/// Reads the parts of a DNS message; every read is checked.
private struct DNSReader {
    private let bytes: [UInt8]
    var offset = 0

    /// A name has at most 255 bytes, so no more labels than that.
    private static let mostLabels = 128

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func skip(_ count: Int) -> Bool {
        guard bytes.count - offset >= count else { return false }
        offset += count
        return true
    }

    mutating func number() -> UInt16? {
        guard bytes.count - offset >= 2 else { return nil }
        defer { offset += 2 }
        return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    mutating func skipName() -> Bool { labels() != nil }

    /// A host's name; nil for what can be none.
    mutating func name() -> String? {
        guard let labels = labels() else { return nil }
        for label in labels {
            let isPlain = label.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
            guard isPlain else { return nil }
        }
        let name = labels.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ".")
        return name.utf8.count <= 253 ? name : nil
    }

    /// The labels of a name, which may end in a pointer to an earlier place.
    private mutating func labels() -> [ArraySlice<UInt8>]? {
        var labels: [ArraySlice<UInt8>] = []
        var place = offset
        var hasJumped = false
        while place < bytes.count {
            let length = Int(bytes[place])
            switch length {
            case 0:
                if !hasJumped { offset = place + 1 }
                return labels
            case 1...63:
                guard bytes.count - place > length, labels.count < Self.mostLabels else { return nil }
                labels.append(bytes[(place + 1)...(place + length)])
                place += length + 1
            case 0xC0...0xFF:
                guard place + 1 < bytes.count else { return nil }
                let pointed = (length & 0x3F) << 8 | Int(bytes[place + 1])
                // Only backwards, so that it ends.
                guard pointed < place else { return nil }
                if !hasJumped { offset = place + 2 }
                hasJumped = true
                place = pointed
            default: return nil
            }
        }
        return nil
    }
}
