internal import OutboundHTTP

/// The answer of a name server about SRV records.
enum ServiceAnswerTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        guard let answer = ServiceAnswer(input) else { return nil }
        for record in answer.records {
            let isPlain = record.target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
            if !isPlain || record.target.utf8.count > 253 { return "a target that is no name" }
        }
        return nil
    }
}
