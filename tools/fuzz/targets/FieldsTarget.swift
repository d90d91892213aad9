internal import CanonicalJSON
internal import MatrixEvents

/// Any bytes as a stored event whose members are only located; on canonical bytes the places must be right.
enum FieldsTarget {
    @Sendable static func defect(_ bytes: [UInt8]) -> String? {
        let fields = CanonicalFields(scanning: bytes)
        let named: [(String, Range<Int>?)] = [
            ("content", fields.content), ("origin_server_ts", fields.originServerTS), ("redacts", fields.redacts),
            ("room_id", fields.roomID), ("sender", fields.sender), ("state_key", fields.stateKey),
            ("type", fields.type),
        ]
        for (name, range) in named {
            if let range, range.lowerBound < 0 || range.upperBound > bytes.count { return "\(name) leaves the bytes" }
        }
        _ = CanonicalFields(scanning: bytes, objectAt: bytes.count / 2)
        _ = CanonicalFields(scanning: bytes, objectAt: bytes.count + 1)
        do throws(JSONError) {
            let root = try JSONDocument(parsing: bytes, limits: .pdu).root
            guard root.isCanonical else { return nil }
            for (name, range) in named where root[name]?.rawRange != range { return "\(name) is elsewhere" }
        } catch {
            return nil
        }
        return nil
    }
}
