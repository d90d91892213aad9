import CanonicalJSON
import EventLog
package import KeyValueStore
import LogEvents
package import ProjectionEngine
import PushRules
package import ReadModel

/// Keeps what each user made of their push rules, at every time: an event is judged by the rules that stood when it came.
package struct PushRulesProjection: Projection {
    package let name = "pushRules"
    package let version: UInt32 = 1
    package let readsPDUs = false
    package let tables: [ViewTable] = [.pushRules]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .pushRuleChanged(let fact) = record.fact else { return }
        guard let change = PushRuleChange(fact.change) else { throw PushRuleFault() }
        let user = try batch.user(fact.userID, transaction)
        let last = try transaction.last(batch.tables.pushRules, prefix: ViewKeys.user(user))
        let changes = try last.map { try PushRuleRow(reading: $0.value).changes } ?? 0
        let row: ByteWriter
        if changes + 1 < PushRuleRow.mostChanges {
            row = PushRuleRow.encoded(isWhole: false, changes: changes + 1, json: fact.change.canonicalBytes())
        } else {
            var rules = try transaction.pushRules(batch.tables, of: user, before: record.position)
            rules.apply(change)
            row = PushRuleRow.encoded(isWhole: true, changes: 0, json: rules.stored.canonicalBytes())
        }
        try transaction.put(batch.tables.pushRules, ViewKeys.pushRule(user, record.position), row)
        try transaction.put(
            batch.tables.pushRules, ViewKeys.lastPushRuleChange, StoreKey(record.position.rawValue))
        batch.touched.users.insert(user)
    }
}

private struct PushRuleFault: Error, CustomStringConvertible {
    let description = "the change of a push rule says nothing that this program knows"
}
