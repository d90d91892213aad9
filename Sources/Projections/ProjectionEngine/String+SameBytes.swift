import Glibc

extension String {
    /// Whether both have the same UTF-8 bytes; `==` would hold canonically equivalent texts equal.
    package func hasSameBytes(as other: String) -> Bool {
        var one = self
        var two = other
        return one.withUTF8 { left in
            two.withUTF8 { right in
                guard left.count == right.count else { return false }
                guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else { return left.isEmpty }
                return memcmp(leftBase, rightBase, left.count) == 0
            }
        }
    }
}
