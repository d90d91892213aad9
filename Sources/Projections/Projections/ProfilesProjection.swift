import CanonicalJSON
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps the profile of each local user as one JSON object.
package struct ProfilesProjection: Projection {
    package let name = "profiles"
    package let version: UInt32 = 1
    package let readsPDUs = false
    package let tables: [ViewTable] = [.profilesFields]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .profileFieldSet(let fact) = record.fact else { return }
        let user = try batch.user(fact.userID, transaction)
        let key = ViewKeys.user(user)
        var fields = JSONObject()
        if let stored = try transaction.getBytes(batch.tables.profilesFields, key),
            let object = try JSONObject.parse(stored, limits: .stored)
        {
            fields = object
        }
        fields[fact.field] = fact.value
        try transaction.put(batch.tables.profilesFields, key, fields.canonicalBytes())
        batch.touched.users.insert(user)
    }
}
