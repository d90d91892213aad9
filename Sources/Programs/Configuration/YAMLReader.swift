import Yams

/// Reads settings out of the parsed file and collects what is wrong with them.
struct YAMLReader {
    let file: String
    private(set) var errors: [ConfigurationProblem] = []
    private(set) var warnings: [ConfigurationProblem] = []

    init(file: String) { self.file = file }

    mutating func refuse(_ node: Node?, _ setting: String, _ what: String) {
        errors.append(problem(node, setting, what))
    }

    mutating func warn(_ node: Node?, _ setting: String, _ what: String) {
        warnings.append(problem(node, setting, what))
    }

    private func problem(_ node: Node?, _ setting: String, _ what: String) -> ConfigurationProblem {
        ConfigurationProblem(
            file: file, line: node?.mark?.line ?? 0, column: node?.mark?.column ?? 0, setting: setting, what: what)
    }

    private func isNull(_ node: Node) -> Bool { node.null != nil }

    mutating func string(_ map: Node.Mapping, _ name: String, in path: String = "") -> String? {
        guard let node = map[name], !isNull(node) else { return nil }
        guard case .scalar(let scalar) = node else {
            refuse(node, path + name, "must be a text; write `\(name): \"...\"`")
            return nil
        }
        return scalar.string
    }

    /// A secret, which cannot be empty: an empty one is known to everybody.
    mutating func secret(_ map: Node.Mapping, _ name: String) -> String? {
        guard let text = string(map, name) else { return nil }
        if text.isEmpty {
            refuse(map[name], name, "must not be empty; write a long random text, or remove the setting to turn it off")
        }
        return text
    }

    mutating func flag(_ map: Node.Mapping, _ name: String, in path: String = "") -> Bool? {
        guard let node = map[name], !isNull(node) else { return nil }
        guard let value = node.bool else {
            refuse(node, path + name, "must be true or false; write `\(name): true`")
            return nil
        }
        return value
    }

    mutating func integer(
        _ map: Node.Mapping, _ name: String, in path: String = "", range: ClosedRange<Int>
    ) -> Int? {
        guard let node = map[name], !isNull(node) else { return nil }
        guard let value = node.int, range.contains(value) else {
            refuse(node, path + name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    mutating func number(_ map: Node.Mapping, _ name: String, in path: String) -> Double? {
        guard let node = map[name], !isNull(node) else { return nil }
        guard let value = node.float, value.isFinite, value >= 0 else {
            refuse(node, path + name, "must be a number of at least 0; write `\(name): 0.2`")
            return nil
        }
        return value
    }

    mutating func mapping(_ map: Node.Mapping, _ name: String, in path: String = "") -> Node.Mapping? {
        guard let node = map[name], !isNull(node) else { return nil }
        guard let value = node.mapping else {
            refuse(node, path + name, "must have settings of its own, indented below it")
            return nil
        }
        return value
    }

    mutating func strings(_ map: Node.Mapping, _ name: String, in path: String = "") -> [String]? {
        guard let node = map[name], !isNull(node) else { return nil }
        guard let sequence = node.sequence else {
            refuse(node, path + name, "must be a list; write `\(name): [\"...\"]`")
            return nil
        }
        return sequence.enumerated().compactMap { index, element in
            if case .scalar(let scalar) = element { return scalar.string }
            refuse(element, "\(path)\(name)[\(index)]", "must be a text; write `\(name): [\"...\"]`")
            return nil
        }
    }

    /// "A duration is a number of milliseconds, or a number with s, m, h, d, w or y" (Synapse's manual).
    mutating func duration(_ map: Node.Mapping, _ name: String, in path: String = "") -> Int64? {
        guard let node = map[name], !isNull(node) else { return nil }
        let units: [Character: Int64] = [
            "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000,
        ]
        if let value = scaled(node, units) { return value }
        refuse(node, path + name, "must be a duration such as 500 (milliseconds), 30s, 5m, 24h or 7d")
        return nil
    }

    /// "A size is a number of bytes, or a number with K, M, G or T" (Synapse's manual).
    mutating func size(_ map: Node.Mapping, _ name: String, in path: String = "") -> Int64? {
        guard let node = map[name], !isNull(node) else { return nil }
        let units: [Character: Int64] = [
            "K": 1 << 10, "k": 1 << 10, "M": 1 << 20, "m": 1 << 20, "G": 1 << 30, "g": 1 << 30, "T": 1 << 40,
            "t": 1 << 40,
        ]
        if let value = scaled(node, units) { return value }
        refuse(node, path + name, "must be a size such as 1048576, 512K, 50M or 2G")
        return nil
    }

    private func scaled(_ node: Node, _ units: [Character: Int64]) -> Int64? {
        guard case .scalar(let scalar) = node else { return nil }
        let text = scalar.string
        if let plain = Int64(text) { return plain >= 0 ? plain : nil }
        guard let last = text.last, let unit = units[last], let number = Int64(text.dropLast()), number >= 0 else {
            return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? nil : product
    }

    mutating func rate(_ map: Node.Mapping, _ name: String, in path: String = "", into rate: inout RateSetting) {
        guard let own = mapping(map, name, in: path) else { return }
        let here = path + name + "."
        rate.perSecond = number(own, "per_second", in: here) ?? rate.perSecond
        rate.burstCount = number(own, "burst_count", in: here) ?? rate.burstCount
        warnUnknown(own, known: ["per_second", "burst_count"], in: here)
    }

    mutating func warnUnknown(_ map: Node.Mapping, known: Set<String>, in path: String) {
        for (key, _) in map {
            guard let name = key.string, !known.contains(name) else { continue }
            let guess = known.min { Self.distance($0, name) < Self.distance($1, name) }
            let hint = guess.flatMap { Self.distance($0, name) <= 2 ? "; did you mean \($0)?" : nil } ?? ""
            warn(key, path + name, "is not a setting of engram and has no effect\(hint)")
        }
    }

    /// Letters to change, add or take away between two short names.
    private static func distance(_ left: String, _ right: String) -> Int {
        let from = Array(left.utf8)
        let to = Array(right.utf8)
        if from.isEmpty || to.isEmpty { return max(from.count, to.count) }
        var row = Array(0...to.count)
        for (index, letter) in from.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in 1...to.count {
                let change = diagonal + (letter == to[column - 1] ? 0 : 1)
                diagonal = row[column]
                row[column] = min(change, row[column] + 1, row[column - 1] + 1)
            }
        }
        return row[to.count]
    }
}
