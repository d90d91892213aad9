/// A glob: "The character `*` matches zero or more characters. `?` matches exactly one character."
///
/// Between stars the leftmost place that fits is always as good as any later one, so nothing is tried twice: the cost is at
/// most the length of the text times that of the pattern.
struct GlobPattern: Sendable, Hashable {
    /// What stands between the stars; always at least one, perhaps empty.
    private let segments: [[UInt32]]

    private static let any: UInt32 = .max

    init(_ pattern: String) {
        var segments: [[UInt32]] = [[]]
        for scalar in FoldedText(pattern).scalars {
            switch scalar {
            case 0x2a:
                // Stars beside each other are one.
                if segments.count == 1 || segments.last?.isEmpty == false { segments.append([]) }
            case 0x3f: segments[segments.count - 1].append(Self.any)
            default: segments[segments.count - 1].append(scalar)
            }
        }
        self.segments = segments
    }

    /// A pattern without stars or question marks.
    init(literal text: String) {
        segments = [FoldedText(text).scalars]
    }

    /// Whether the whole text fits.
    func matches(_ text: FoldedText) -> Bool {
        let scalars = text.scalars
        guard let first = segments.first, let last = segments.last, Self.fits(first, scalars, at: 0) else {
            return false
        }
        guard segments.count > 1 else { return first.count == scalars.count }
        guard let middle = afterMiddle(scalars, from: first.count) else { return false }
        let tail = scalars.count - last.count
        return tail >= middle && Self.fits(last, scalars, at: tail)
    }

    /// The pattern when it is one word and nothing else: then only that very word of a text fits.
    var word: [UInt32]? {
        guard segments.count == 1, let only = segments.first, !only.isEmpty, only.allSatisfy(FoldedText.isWord) else {
            return nil
        }
        return only
    }

    /// Whether a part of the text fits that begins and ends at a word boundary.
    ///
    /// "`pattern` must instead match any substring of the value of the property which starts and ends at a word boundary."
    func matchesWords(in text: FoldedText) -> Bool {
        let scalars = text.scalars
        guard let first = segments.first, let last = segments.last else { return false }
        if segments.count == 1 {
            return Self.find(first, scalars, from: 0) { start in
                text.isBoundary(at: start) && text.isBoundary(at: start + first.count)
            } != nil
        }
        guard let start = Self.find(first, scalars, from: 0, where: { text.isBoundary(at: $0) }),
            let middle = afterMiddle(scalars, from: start + first.count)
        else { return false }
        return Self.find(last, scalars, from: middle) { text.isBoundary(at: $0 + last.count) } != nil
    }

    /// Behind the leftmost places of all segments but the first and the last.
    private func afterMiddle(_ scalars: [UInt32], from start: Int) -> Int? {
        var index = start
        for segment in segments.dropFirst().dropLast() {
            guard let found = Self.find(segment, scalars, from: index, where: { _ in true }) else { return nil }
            index = found + segment.count
        }
        return index
    }

    private static func find(
        _ segment: [UInt32], _ scalars: [UInt32], from start: Int, where isWanted: (Int) -> Bool
    ) -> Int? {
        var index = start
        while index + segment.count <= scalars.count {
            if fits(segment, scalars, at: index), isWanted(index) { return index }
            index += 1
        }
        return nil
    }

    private static func fits(_ segment: [UInt32], _ scalars: [UInt32], at index: Int) -> Bool {
        guard index >= 0, segment.count <= scalars.count - index else { return false }
        for offset in segment.indices where segment[offset] != any && segment[offset] != scalars[index + offset] {
            return false
        }
        return true
    }
}
