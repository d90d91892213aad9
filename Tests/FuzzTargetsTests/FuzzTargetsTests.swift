import Foundation
import FuzzTargets
import TestSupport
import Testing

/// Each fuzz target on its seeds, and on seeded damage of them: a short walk where libFuzzer runs for hours.
@Suite struct FuzzTargetsTests {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "fixtures/fuzz")

    static func seeds(of target: String) throws -> [[UInt8]] {
        let folder = fixtures.appending(path: target)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted()
        return try names.map { [UInt8](try Data(contentsOf: folder.appending(path: $0))) }
    }

    @Test(arguments: FuzzTarget.all.map(\.name)) func `seeds and their damage show no defect`(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let seeds = try Self.seeds(of: name)
        #expect(!seeds.isEmpty)
        var random = SeededRandom(seed: 1)
        for seed in seeds { #expect(target.defect(seed) == nil) }
        for _ in 0..<800 {
            var input = seeds[random.below(seeds.count)]
            for _ in 0...random.below(4) { Self.damage(&input, &random, seeds) }
            let defect = target.defect(input)
            #expect(defect == nil, "\(input)")
        }
    }

    private static func damage(_ input: inout [UInt8], _ random: inout SeededRandom, _ seeds: [[UInt8]]) {
        let place = random.below(input.count + 1)
        switch random.below(5) {
        case 0 where place < input.count: input[place] = UInt8(truncatingIfNeeded: random.next())
        case 1 where place < input.count: input[place] ^= 1 << UInt8(random.below(8))
        case 2: input.removeSubrange(place..<min(input.count, place + random.below(8)))
        case 3:
            let other = seeds[random.below(seeds.count)]
            let start = random.below(other.count)
            input.insert(contentsOf: other[start..<min(other.count, start + random.below(24))], at: place)
        default: input.insert([0x22, 0x5C, 0x2C, 0x7B, 0x00, 0xFF][random.below(6)], at: place)
        }
    }
}
