package import RoomVersions

/// For which events a server's signing key counts.
package enum SigningKeyValidity: Sendable, Hashable {
    /// One of `verify_keys`, with the `valid_until_ts` of the answer and the time at which this server got it.
    case current(validUntil: Int64, fetchedAt: Int64)
    /// One of `old_verify_keys`, with its `expired_ts`.
    case old(expired: Int64)

    /// Seven days in milliseconds.
    private static let longest: Int64 = 7 * 24 * 60 * 60 * 1_000

    /// The last `origin_server_ts` that the key counts for, where key validity is enforced.
    package var lastTimestamp: Int64 {
        switch self {
        case .current(let validUntil, let fetchedAt):
            // "Servers MUST use the lesser of `valid_until_ts` and 7 days into the future when determining if a key is
            // valid."
            let (limit, overflowed) = fetchedAt.addingReportingOverflow(Self.longest)
            return overflowed ? validUntil : min(validUntil, limit)
        case .old(let expired): return expired
        }
    }

    /// Whether a signature with the key counts on an event of this time.
    package func covers(originServerTS: Int64, version: RoomVersion) -> Bool {
        switch self {
        case .current:
            // v5: "When validating event signatures, servers MUST enforce the `valid_until_ts` property from a key request
            // is at least as large as the `origin_server_ts` for the event being validated."
            return !version.enforceSignatureExpiry || lastTimestamp >= originServerTS
        case .old:
            // "any keys that are known to have expired prior to the event's `origin_server_ts` are ignored."
            return lastTimestamp >= originServerTS
        }
    }
}
