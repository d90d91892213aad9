package import CanonicalJSON
import MatrixIdentifiers
package import Queries

/// The body of an answer to a claim of one-time keys.
package enum KeyClaimAnswer {
    /// - Parameters:
    ///   - choices: for each target the key that was given away; nil where there was none.
    ///   - others: keys of other servers' users: user to device to key.
    ///   - failures: the member of that name, for other servers; nil to leave it out.
    package static func render(
        _ targets: [KeyClaimTarget], _ choices: [KeyChoice?], others: JSONObject = [:], failures: JSONObject?
    ) -> [UInt8] {
        var writer = JSONWriter(capacity: 256 + targets.count * 400)
        writer.beginObject()
        if let failures { writer.field("failures", failures) }
        writer.key("one_time_keys")
        writer.beginObject()
        var current: UserID?
        for (target, choice) in zip(targets, choices) {
            guard let choice else { continue }
            // The targets of one user stand together.
            if current != target.user {
                if current != nil { writer.endObject() }
                writer.key(target.user.rawValue)
                writer.beginObject()
                current = target.user
            }
            writer.key(target.deviceID)
            writer.beginObject()
            writer.field(choice.name, raw: choice.json)
            writer.endObject()
        }
        if current != nil { writer.endObject() }
        for (user, devices) in others { writer.field(user, devices) }
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }
}
