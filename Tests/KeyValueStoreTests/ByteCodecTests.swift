import KeyValueStore
import Testing

@Suite struct ByteCodecTests {
    @Test func whatIsWrittenIsReadBack() throws {
        var writer = ByteWriter()
        let numbers: [UInt64] = [0, 1, 127, 128, 300, 1 << 32, .max]
        for number in numbers { writer.writeVarint(number) }
        writer.write(0x0102 as UInt16)
        writer.write(-5 as Int64)
        writer.writeFramed("grüß")
        writer.writeBytes([1, 2] as [UInt8])
        try writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            for number in numbers { #expect(try reader.readVarint() == number) }
            #expect(try reader.readUInt16() == 0x0102)
            #expect(try reader.readInt64() == -5)
            #expect(try reader.readFramedString() == "grüß")
            #expect(try reader.readBytes(count: 2) == [1, 2])
            try reader.expectEnd()
            #expect(throws: ByteFault.truncated) { try reader.readUInt8() }
        }
    }

    @Test(arguments: [
        ([0x80] as [UInt8], ByteFault.truncated),
        ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], .numberTooLarge),
        ([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], .numberTooLarge),
    ])
    func badNumbersAreRefused(bytes: [UInt8], fault: ByteFault) {
        _ = bytes.withUnsafeBytes { buffer in
            #expect(throws: fault) {
                var reader = ByteReader(buffer)
                _ = try reader.readVarint()
            }
        }
    }

    @Test func badTextAndLengthsAreRefused() {
        _ = ([0x02, 0xc3, 0x28] as [UInt8]).withUnsafeBytes { buffer in
            #expect(throws: ByteFault.invalidText) {
                var reader = ByteReader(buffer)
                _ = try reader.readFramedString()
            }
        }
        _ = ([0xff, 0xff, 0xff, 0xff, 0x7f, 0x00] as [UInt8]).withUnsafeBytes { buffer in
            #expect(throws: ByteFault.truncated) {
                var reader = ByteReader(buffer)
                _ = try reader.readFramedSlice()
            }
        }
    }

    @Test func keysOrderAsNumbersAndSpillWhenLong() {
        let small = StoreKey().appending(1 as UInt16).appending(255 as UInt64)
        let large = StoreKey().appending(1 as UInt16).appending(256 as UInt64)
        #expect(small != large)
        #expect(small.description == "0001" + "00000000000000ff")
        #expect(small.withUnsafeBytes { left in large.withUnsafeBytes { left.lexicographicallyPrecedes($0) } })
        let text = String(repeating: "x", count: 60)
        let long = StoreKey().appending(text).appending(5 as UInt64).appending(text)
        #expect(long.count == 128)
        #expect(long == StoreKey().appending(text).appending(5 as UInt64).appending(text))
        #expect(long.withUnsafeBytes { Array($0) } == Array(text.utf8) + [0, 0, 0, 0, 0, 0, 0, 5] + Array(text.utf8))
    }
}
