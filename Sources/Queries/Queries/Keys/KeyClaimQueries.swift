import KeyValueStore
import LogEvents
package import MatrixIdentifiers
import ReadModel

/// What somebody wants a key of.
package struct KeyClaimTarget: Sendable, Hashable {
    package let user: UserID
    package let deviceID: String
    package let algorithm: String

    package init(user: UserID, deviceID: String, algorithm: String) {
        self.user = user
        self.deviceID = deviceID
        self.algorithm = algorithm
    }
}

/// A key that may be given away if the device's stream still has this version.
package struct KeyChoice: Sendable {
    /// `<algorithm>:<key id>`.
    package let name: String
    package let json: [UInt8]
    package let isFallback: Bool
    /// Whether giving it away is a fact to record: always of a one-time key, once of a fallback key.
    package let isNews: Bool
    package let streamVersion: UInt64
}

extension KeyQueries {
    /// Chooses a key for each target, no one-time key twice; nil where there is none.
    package func choose(_ targets: [KeyClaimTarget]) throws -> [KeyChoice?] {
        try views.snapshot { snapshot in
            var taken: [KeyClaimTarget: Int] = [:]
            return try targets.map { target in
                let before = taken[target, default: 0]
                let choice = try snapshot.choose(target, skipping: before)
                if choice?.isNews == true { taken[target] = before + 1 }
                return choice
            }
        }
    }
}

extension Snapshot {
    /// - Parameter skipping: how many keys of this target are spoken for already.
    fileprivate func choose(_ target: KeyClaimTarget, skipping: Int) throws -> KeyChoice? {
        guard let user = try number(of: target.user), let stock = try keyStock(user, target.deviceID) else {
            return nil
        }
        let available = Int(stock.count(of: target.algorithm))
        if skipping < available {
            var index = 0
            var choice: KeyChoice?
            // "One-time keys are given out in the order that they were uploaded"
            try forEach(
                tables.keysOneTime,
                prefix: ViewKeys.oneTimeKeys(user, target.deviceID, algorithm: target.algorithm)
            ) { _, value in
                defer { index += 1 }
                guard index == skipping else { return true }
                let row = try OneTimeKeyRow(reading: value)
                choice = KeyChoice(
                    name: row.name, json: Array(row.json), isFallback: false, isNews: true,
                    streamVersion: stock.streamVersion)
                return false
            }
            if let choice { return choice }
        }
        let fallback = stock.fallbacks.first { $0.algorithm.utf8.elementsEqual(target.algorithm.utf8) }
        return fallback.map {
            KeyChoice(
                name: $0.name, json: $0.json, isFallback: true, isNews: !$0.isUsed && skipping <= available,
                streamVersion: stock.streamVersion)
        }
    }
}
