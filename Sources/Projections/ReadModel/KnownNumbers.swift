import Synchronization

/// Numbers of names that readers asked for lately, beside the tables they are from.
///
/// A number is given to a name once and for all, so what a committed snapshot said stays true as long as its tables serve.
/// Only readers may add to it: a number in a write transaction is taken back when that is aborted.
package final class KnownNumbers: Sendable {
    private let numbers = Mutex<[Name: UInt32]>([:])
    /// A name that equals another only byte for byte, as strings do not.
    private struct Name: Hashable {
        let text: String

        static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }
        func hash(into hasher: inout Hasher) { hasher.combine(text) }
    }

    /// About two megabytes of them.
    private let most: Int

    init(most: Int = 16_384) {
        self.most = most
    }

    /// The number of a name, asked of the tables when it is not remembered.
    ///
    /// Names of rooms and of users begin with different characters, so they share no key.
    package func number(of name: String, orFind find: () throws -> UInt32?) rethrows -> UInt32? {
        let key = Name(text: name)
        if let number = numbers.withLock({ $0[key] }) { return number }
        guard let number = try find() else { return nil }
        numbers.withLock { numbers in
            if numbers.count >= most { numbers.removeAll(keepingCapacity: true) }
            numbers[key] = number
        }
        return number
    }
}
