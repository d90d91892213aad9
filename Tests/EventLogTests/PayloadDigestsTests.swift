import TestSupport
import Testing

@testable import EventLog

@Suite struct PayloadDigestsTests {
    /// Four at a time give what one at a time gives, whatever the lengths: empty, a block, one byte more, many blocks.
    @Test(arguments: [1, 3, 4, 5, 8, 23])
    func fourAtATimeEqualsOneAtATime(count: Int) {
        var random = SeededRandom(seed: UInt64(count))
        for _ in 0..<200 {
            let lengths = (0..<count).map { _ in
                [0, 1, 127, 128, 129, 256, Int(random.next() % 3000)][Int(random.next() % 7)]
            }
            let records = lengths.map { length in
                NewRecord(
                    kind: RecordKind(rawValue: 64), stream: .none,
                    payload: (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) })
            }
            let salts = (0..<(count * RecordLayout.saltSize)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            var digests = PayloadDigests()
            records.withUnsafeBufferPointer { records in
                salts.withUnsafeBytes { salts in
                    for index in 0..<count {
                        let size = RecordLayout.saltSize
                        let salt = UnsafeRawBufferPointer(rebasing: salts[(index * size)..<((index + 1) * size)])
                        let alone = records[index].payload.withUnsafeBytes { Hash32.digest(payload: $0, salt: salt) }
                        #expect(digests.next(index, of: records, 0..<count, salts: salts) == alone)
                    }
                }
            }
        }
    }
}
