/// The inside of a scanned JSON string, read as UTF-8 bytes with its escapes resolved.
///
/// Reads byte by byte without memory of its own, so that keys can be compared without decoding them first. The scanner
/// has checked the escapes; were one wrong nevertheless, this would yield other bytes but not read behind the end.
struct EscapedText: IteratorProtocol {
    private let text: UnsafeBufferPointer<UInt8>
    private var position = 0
    /// Bytes of a resolved escape not handed out yet, the next one lowest.
    private var pending: UInt32 = 0
    private var pendingCount = 0

    init(_ text: UnsafeBufferPointer<UInt8>) {
        self.text = text
    }

    mutating func next() -> UInt8? {
        if pendingCount > 0 { return takePending() }
        guard position < text.count else { return nil }
        let byte = text[position]
        position &+= 1
        guard byte == UInt8(ascii: "\\"), position < text.count else { return byte }
        let letter = text[position]
        position &+= 1
        switch letter {
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "u"):
            resolve()
            return takePending()
        default: return letter
        }
    }

    private mutating func takePending() -> UInt8 {
        let byte = UInt8(truncatingIfNeeded: pending)
        pending >>= 8
        pendingCount &-= 1
        return byte
    }

    /// Resolves the escape whose digits begin at `position` into pending bytes.
    private mutating func resolve() {
        var scalar = UInt32(unit())
        if 0xD800...0xDBFF ~= scalar {
            position &+= 2
            scalar = Self.scalar(scalar, UInt32(unit()))
        }
        switch scalar {
        case 0..<0x80:
            pending = scalar
            pendingCount = 1
        case 0x80..<0x800:
            pending = (0xC0 | scalar >> 6) | (0x80 | scalar & 0x3F) << 8
            pendingCount = 2
        case 0x800..<0x10000:
            pending = (0xE0 | scalar >> 12) | (0x80 | scalar >> 6 & 0x3F) << 8 | (0x80 | scalar & 0x3F) << 16
            pendingCount = 3
        default:
            let high = (0xF0 | scalar >> 18) | (0x80 | scalar >> 12 & 0x3F) << 8
            pending = high | (0x80 | scalar >> 6 & 0x3F) << 16 | (0x80 | scalar & 0x3F) << 24
            pendingCount = 4
        }
    }

    private static func scalar(_ leading: UInt32, _ trailing: UInt32) -> UInt32 {
        0x10000 &+ (leading & 0x3FF) << 10 &+ trailing & 0x3FF
    }

    /// The scalar that a `\u` escape stands for, and how long it is: 6 bytes, or 12 for a surrogate pair.
    static func scalar(ofEscapeAt start: Int, in text: UnsafeBufferPointer<UInt8>) -> (UInt32, Int) {
        var rest = EscapedText(UnsafeBufferPointer(rebasing: text[min(start &+ 2, text.count)...]))
        let unit = UInt32(rest.unit())
        guard 0xD800...0xDBFF ~= unit else { return (unit, 6) }
        rest.position &+= 2
        return (scalar(unit, UInt32(rest.unit())), 12)
    }

    private mutating func unit() -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard position < text.count else { return value }
            value = value << 4 | (HexadecimalDigit.value(of: text[position]) ?? 0)
            position &+= 1
        }
        return value
    }

    /// Appends all bytes that are left, copying the runs between escapes at once.
    mutating func append(to bytes: inout [UInt8]) {
        while position < text.count {
            let rest = UnsafeBufferPointer(rebasing: text[position...])
            let run = rest.firstIndex(of: UInt8(ascii: "\\")) ?? rest.count
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: rest[..<run]))
            position &+= run
            guard let byte = next() else { return }
            bytes.append(byte)
            while pendingCount > 0 { bytes.append(takePending()) }
        }
    }

    /// Compares two texts by their resolved bytes.
    static func compare(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
        var one = EscapedText(left)
        var other = EscapedText(right)
        while true {
            switch (one.next(), other.next()) {
            case (nil, nil): return 0
            case (nil, _): return -1
            case (_, nil): return 1
            case (let byte?, let otherByte?):
                if byte != otherByte { return byte < otherByte ? -1 : 1 }
            }
        }
    }
}
