/// One character as it is compared.
enum FoldedScalar {
    static func append(_ scalar: Unicode.Scalar, to word: inout [UInt8]) {
        if scalar.isASCII {
            let byte = UInt8(truncatingIfNeeded: scalar.value)
            word.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
            return
        }
        let base = base(of: scalar)
        // There and back, so that ß meets SS, ς meets σ and ſ meets s.
        for upper in base.properties.uppercaseMapping.unicodeScalars {
            for lower in upper.properties.lowercaseMapping.unicodeScalars {
                word.append(contentsOf: UTF8.encode(lower) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }

    /// The letter without its accents, or in ordinary width and type.
    private static func base(of scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        case 0xFF01...0xFF5E: Unicode.Scalar(scalar.value - 0xFEE0) ?? scalar
        case 0xC0...0x24F, 0x370...0x52F, 0x1E00...0x1FFF, 0x1D400...0x1D7FF: bases[scalar] ?? scalar
        default: scalar
        }
    }

    /// Letters with accents and the letters below them, as the names of Unicode tell: `… LETTER E WITH ACUTE` is an
    /// `… LETTER E`.
    private static let bases: [Unicode.Scalar: Unicode.Scalar] = {
        let plain: [ClosedRange<UInt32>] = [0x41...0x5A, 0x61...0x7A, 0x370...0x3FF, 0x400...0x52F]
        var byName: [String: Unicode.Scalar] = [:]
        for scalar in scalars(of: plain) {
            if let name = scalar.properties.name { byName[name] = scalar }
        }
        var bases: [Unicode.Scalar: Unicode.Scalar] = ["ё": "е", "Ё": "Е"]
        for scalar in scalars(of: [0xC0...0x24F, 0x370...0x52F, 0x1E00...0x1FFF]) {
            guard let name = scalar.properties.name, let end = name.firstRange(of: " WITH ")?.lowerBound else {
                continue
            }
            bases[scalar] = byName[String(name[..<end])]
        }
        // Letters that look typeset, which people like in their names: `MATHEMATICAL BOLD SCRIPT CAPITAL A`.
        for scalar in scalars(of: [0x1D400...0x1D6A3]) {
            guard let letter = scalar.properties.name?.split(separator: " ").last, letter.utf8.count == 1 else {
                continue
            }
            bases[scalar] = byName["LATIN CAPITAL LETTER \(letter)"]
        }
        for value in UInt32(0x1D7CE)...0x1D7FF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            bases[scalar] = Unicode.Scalar(0x30 + (value - 0x1D7CE) % 10)
        }
        return bases
    }()

    private static func scalars(of ranges: [ClosedRange<UInt32>]) -> [Unicode.Scalar] {
        ranges.flatMap { $0.compactMap(Unicode.Scalar.init) }
    }
}
