/// A random number generator that gives the same numbers for the same seed on every machine: SplitMix64.
///
/// For tests, which print their seed, and for the simulation; nothing here is secret.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var counter: UInt64

    /// Creates the generator of one seed.
    package init(seed: UInt64) {
        counter = seed
    }

    package mutating func next() -> UInt64 {
        counter &+= 0x9E37_79B9_7F4A_7C15
        var mixed = counter
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not including, `bound`; 0 when `bound` is not positive.
    package mutating func below(_ bound: Int) -> Int {
        bound > 0 ? Int(next() % UInt64(bound)) : 0
    }

    /// True once in `count` times.
    package mutating func oneIn(_ count: Int) -> Bool {
        below(count) == 0
    }

    /// One element; nil when there is none.
    package mutating func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[below(elements.count)]
    }

    /// A generator that goes its own way from here on.
    package mutating func split() -> SeededRandom {
        SeededRandom(seed: next())
    }
}
