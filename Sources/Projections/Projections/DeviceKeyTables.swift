import CanonicalJSON
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel

/// Devices with their identity keys. A device is in the table from its login on, with or without keys.
struct DeviceKeyTables {
    private let record: DecodedRecord
    private let tables: ViewTables
    private let lists: DeviceListTables
    private let oneTime: OneTimeKeyTables

    init(_ record: DecodedRecord, _ batch: BatchContext) {
        self.record = record
        tables = batch.tables
        lists = DeviceListTables(record, batch)
        oneTime = OneTimeKeyTables(tables: batch.tables)
    }

    /// A row, copied, so that it survives the next write.
    struct Held {
        var nameJSON: [UInt8]
        var keysJSON: [UInt8]
    }

    func held(_ user: UserNum, _ deviceID: String, _ transaction: borrowing WriteTransaction) throws -> Held? {
        try transaction.get(tables.keysDevices, ViewKeys.device(user, deviceID)) { bytes in
            let row = try KeyDeviceRow(reading: bytes)
            return Held(nameJSON: Array(row.nameJSON), keysJSON: Array(row.keysJSON))
        }
    }

    func put(_ held: Held, _ user: UserNum, _ deviceID: String, _ transaction: borrowing WriteTransaction) throws {
        try transaction.put(
            tables.keysDevices, ViewKeys.device(user, deviceID),
            KeyDeviceRow.encoded(nameJSON: held.nameJSON, keysJSON: held.keysJSON))
    }

    private static func json(_ name: String?) -> [UInt8] {
        name.map { JSONValue.string($0).canonicalBytes() } ?? []
    }

    func add(
        _ deviceID: String, named name: String?, of user: UserNum, _ transaction: borrowing WriteTransaction
    ) throws {
        let old = try held(user, deviceID, transaction)
        var new = old ?? Held(nameJSON: [], keysJSON: [])
        if name != nil || old == nil { new.nameJSON = Self.json(name) }
        try replace(old, by: new, user, deviceID, transaction)
    }

    func rename(
        _ deviceID: String, to name: String?, of user: UserNum, _ transaction: borrowing WriteTransaction
    ) throws {
        guard let old = try held(user, deviceID, transaction) else { return }
        try replace(old, by: Held(nameJSON: Self.json(name), keysJSON: old.keysJSON), user, deviceID, transaction)
    }

    private func replace(
        _ old: Held?, by new: Held, _ user: UserNum, _ deviceID: String, _ transaction: borrowing WriteTransaction
    ) throws {
        if let old, old.nameJSON == new.nameJSON, old.keysJSON == new.keysJSON { return }
        try put(new, user, deviceID, transaction)
        // Without keys too: a new login is something that others want to hear of.
        try lists.changed(user, devices: [deviceID], transaction)
    }

    func upload(
        _ fact: DeviceKeysUploaded, of user: UserNum, _ transaction: borrowing WriteTransaction
    ) throws {
        // Whoever logged out while the keys were on their way has no device that could have them.
        guard let old = try held(user, fact.deviceID, transaction) else {
            return try oneTime.noteVersion(record.streamVersion, user, fact.deviceID, transaction)
        }
        if let uploaded = fact.deviceKeys {
            let before = try JSONObject.parse(old.keysJSON.isEmpty ? Array("{}".utf8) : old.keysJSON) ?? [:]
            // Keys that the former identity signed are worth nothing under a new one.
            if let identity = before["keys"], identity != uploaded["keys"] {
                try oneTime.clear(user, fact.deviceID, transaction)
            }
            let merged = KeySignatures.merged(uploaded, keepingThoseOf: before)
            let new = Held(nameJSON: old.nameJSON, keysJSON: merged.canonicalBytes())
            try replace(old, by: new, user, fact.deviceID, transaction)
        }
        try oneTime.add(fact, of: user, record, transaction)
    }

    func remove(_ deviceID: String, of user: UserNum, _ transaction: borrowing WriteTransaction) throws {
        let old = try held(user, deviceID, transaction)
        try transaction.delete(tables.keysDevices, ViewKeys.device(user, deviceID))
        try oneTime.clear(user, deviceID, transaction)
        try oneTime.forgetSpent(user, deviceID, transaction)
        let dehydrated = try transaction.get(tables.dehydratedDevices, ViewKeys.user(user)) {
            try DehydratedDeviceRow(reading: $0).deviceID
        }
        if dehydrated?.utf8.elementsEqual(deviceID.utf8) == true {
            try transaction.delete(tables.dehydratedDevices, ViewKeys.user(user))
        }
        if old != nil { try lists.changed(user, devices: [deviceID], transaction) }
    }

    func removeAll(of user: UserNum, _ transaction: borrowing WriteTransaction) throws {
        var removed: [String] = []
        try transaction.forEach(tables.keysDevices, prefix: ViewKeys.user(user)) { key, _ in
            removed.append(String(decoding: key.dropFirst(4), as: UTF8.self))
            return true
        }
        try transaction.deletePrefix(tables.keysDevices, ViewKeys.user(user))
        for table in [tables.keysOneTime, tables.keysOneTimeByID, tables.keysSpent] {
            try transaction.deletePrefix(table, ViewKeys.user(user))
        }
        try oneTime.emptyStocks(ofPrefix: ViewKeys.user(user), transaction) { row in
            row.counts = []
            row.fallbacks = []
        }
        if !removed.isEmpty { try lists.changed(user, devices: removed, transaction) }
    }
}
