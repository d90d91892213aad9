package import CanonicalJSON
import KeyValueStore
import LogEvents
package import MatrixIdentifiers
package import ReadModel

/// What users published of their keys.
package struct KeyQueries: Sendable {
    package let views: Views

    package init(views: Views) {
        self.views = views
    }

    /// A user and the devices that are asked for; none means all.
    package struct Wanted: Sendable {
        package let user: UserID
        package let deviceIDs: [String]

        package init(user: UserID, deviceIDs: [String]) {
            self.user = user
            self.deviceIDs = deviceIDs
        }
    }

    /// The body of `/keys/query` for users of this server.
    ///
    /// - Parameters:
    ///   - asker: nobody (``UserNum/none``) when another server asks.
    ///   - failures: the member of that name, for other servers.
    ///   - namesDevices: whether the devices' display names are told.
    ///   - others: what other servers have just said of users of theirs.
    package func query(
        _ wanted: [Wanted], asker: UserNum, failures: JSONObject, namesDevices: Bool = true,
        others: RemoteKeyAnswer = RemoteKeyAnswer()
    ) throws -> [UInt8] {
        try views.snapshot { snapshot in
            var known: [(wanted: Wanted, number: UserNum)] = []
            var writer = JSONWriter(capacity: 1024 + wanted.count * 1024)
            writer.beginObject()
            writer.key("device_keys")
            writer.beginObject()
            for wanted in wanted {
                // "if the user or device was unknown, no failure is recorded. Instead, the corresponding user or device is
                // missing"
                guard let number = try snapshot.number(of: wanted.user),
                    try snapshot.append(wanted, number, namesDevices: namesDevices, to: &writer)
                else { continue }
                known.append((wanted, number))
            }
            others.append(others.devices, to: &writer)
            writer.endObject()
            writer.field("failures", failures)
            // Without a master key, which signs the others, there are no others.
            var signing: [(wanted: Wanted, number: UserNum)] = []
            writer.key("master_keys")
            writer.beginObject()
            for (wanted, number) in known {
                guard let json = try snapshot.crossSigningKey(of: number, .master, seenBy: asker) else { continue }
                writer.field(wanted.user.rawValue, raw: json)
                signing.append((wanted, number))
            }
            others.append(others.masterKeys, to: &writer)
            writer.endObject()
            writer.key("self_signing_keys")
            writer.beginObject()
            for (wanted, number) in signing {
                guard let json = try snapshot.crossSigningKey(of: number, .selfSigning, seenBy: asker) else { continue }
                writer.field(wanted.user.rawValue, raw: json)
            }
            others.append(others.selfSigningKeys, to: &writer)
            writer.endObject()
            // "Information on the user-signing key of the user making the request, if they queried their own"
            writer.key("user_signing_keys")
            writer.beginObject()
            for (wanted, number) in known where number == asker {
                guard let json = try snapshot.crossSigningKey(of: number, .userSigning, seenBy: asker) else { continue }
                writer.field(wanted.user.rawValue, raw: json)
            }
            writer.endObject()
            writer.endObject()
            return writer.bytes
        }
    }

    // MARK: For commands

    /// The identity keys of a device with their signatures; nil when it has none.
    package func deviceKeys(_ user: UserID, _ deviceID: String) throws -> JSONObject? {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user),
                let value = try snapshot.get(snapshot.tables.keysDevices, ViewKeys.device(number, deviceID))
            else { return nil }
            let row = try KeyDeviceRow(reading: value)
            if row.keysJSON.isEmpty { return nil }
            return try JSONValueReader.object(row.keysJSON)
        }
    }

    /// A cross-signing key as its owner sees it.
    package func crossSigningKey(_ user: UserID, _ usage: CrossSigningUsage) throws -> JSONObject? {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user),
                let value = try snapshot.get(
                    snapshot.tables.keysCrossSigning, ViewKeys.crossSigning(number, usage))
            else { return nil }
            return try JSONValueReader.object(value)
        }
    }

    /// Whether a text is the public part of one of a user's cross-signing keys.
    package func isCrossSigningKey(_ text: String, of user: UserID) throws -> Bool {
        try CrossSigningUsage.allCases.contains { usage in
            try crossSigningKey(user, usage)?["keys"]?["ed25519:\(text)"] != nil
        }
    }

    package func deviceIDs(of user: UserID) throws -> [String] {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return [] }
            return try snapshot.keyDeviceIDs(of: number)
        }
    }

    package func dehydratedDevice(of user: UserID) throws -> DehydratedDeviceRow? {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return nil }
            return try snapshot.get(snapshot.tables.dehydratedDevices, ViewKeys.user(number)).map {
                try DehydratedDeviceRow(reading: $0)
            }
        }
    }

    /// What a device has on the server of what it is about to upload.
    package struct UploadState: Sendable {
        package var isKnown = false
        package var stock = KeyStockRow(streamVersion: 0)
        package var deviceKeys: JSONObject?
        /// The keys that are there under the uploaded names.
        package var existing: [String: [UInt8]] = [:]
        /// Uploaded names whose keys were given away before.
        package var spent: Set<String> = []
    }

    package func uploadState(
        _ user: UserID, _ deviceID: String, oneTimeKeys: JSONObject
    ) throws -> UploadState {
        try views.snapshot { snapshot in
            var state = UploadState()
            guard let number = try snapshot.number(of: user) else { return state }
            let tables = snapshot.tables
            if let value = try snapshot.get(tables.keysDevices, ViewKeys.device(number, deviceID)) {
                let row = try KeyDeviceRow(reading: value)
                state.isKnown = true
                if !row.keysJSON.isEmpty { state.deviceKeys = try JSONValueReader.object(row.keysJSON) }
            }
            if let stock = try snapshot.keyStock(number, deviceID) { state.stock = stock }
            for (name, value) in oneTimeKeys {
                guard let algorithm = OneTimeKeyName.algorithm(of: name) else { continue }
                let byName = ViewKeys.oneTimeKeyByName(number, deviceID, name: name)
                if let place = try snapshot.get(tables.keysOneTimeByID, byName) {
                    let key = ViewKeys.oneTimeKey(
                        number, deviceID, algorithm: algorithm, try OneTimeKeyPlace(reading: place))
                    state.existing[name] = try snapshot.get(tables.keysOneTime, key).map {
                        Array(try OneTimeKeyRow(reading: $0).json)
                    }
                }
                let spent = ViewKeys.spentKey(
                    number, deviceID, algorithm: algorithm, publicKey: OneTimeKeyName.publicPart(of: value))
                if try snapshot.contains(tables.keysSpent, spent) { state.spent.insert(name) }
            }
            return state
        }
    }

    package func stock(_ user: UserID, _ deviceID: String) throws -> KeyStockRow? {
        try views.snapshot { snapshot in
            try snapshot.number(of: user).flatMap { try snapshot.keyStock($0, deviceID) }
        }
    }
}

extension Snapshot {
    func keyStock(_ user: UserNum, _ deviceID: String) throws -> KeyStockRow? {
        try get(tables.keysStocks, ViewKeys.stock(user, deviceID)).map { try KeyStockRow(reading: $0) }
    }

    func keyDeviceIDs(of user: UserNum) throws -> [String] {
        var ids: [String] = []
        try forEach(tables.keysDevices, prefix: ViewKeys.user(user)) { key, _ in
            ids.append(String(decoding: key.dropFirst(4), as: UTF8.self))
            return true
        }
        return ids
    }

    /// Appends a user's devices that have keys, each under its id; answers false, and appends nothing, for one without an
    /// account.
    fileprivate func append(
        _ wanted: KeyQueries.Wanted, _ user: UserNum, namesDevices: Bool, to writer: inout JSONWriter
    ) throws -> Bool {
        var isOpen = false
        func append(_ row: KeyDeviceRow, id: UnsafeRawBufferPointer) {
            if !isOpen {
                writer.key(wanted.user.rawValue)
                writer.beginObject()
                isOpen = true
            }
            if row.keysJSON.isEmpty { return }
            Self.append(row, id: String(decoding: id, as: UTF8.self), isNamed: namesDevices, to: &writer)
        }
        if wanted.deviceIDs.isEmpty {
            try forEach(tables.keysDevices, prefix: ViewKeys.user(user)) { key, value in
                append(try KeyDeviceRow(reading: value), id: UnsafeRawBufferPointer(rebasing: key.dropFirst(4)))
                return true
            }
        } else {
            for var deviceID in Set(wanted.deviceIDs).sorted() {
                guard let value = try get(tables.keysDevices, ViewKeys.device(user, deviceID)) else { continue }
                let row = try KeyDeviceRow(reading: value)
                deviceID.withUTF8 { append(row, id: UnsafeRawBufferPointer($0)) }
            }
        }
        // Only an account has devices, so there is no need to look for it when there are some.
        if !isOpen {
            guard
                try contains(tables.accountsRows, ViewKeys.user(user))
                    || contains(tables.keysRemoteUsers, ViewKeys.user(user))
            else { return false }
            writer.key(wanted.user.rawValue)
            writer.beginObject()
        }
        writer.endObject()
        return true
    }

    /// The keys as uploaded, "with the addition of an `unsigned` property".
    private static func append(_ row: KeyDeviceRow, id: String, isNamed: Bool, to writer: inout JSONWriter) {
        writer.key(id)
        writer.raw(UnsafeRawBufferPointer(rebasing: row.keysJSON.dropLast()))
        writer.splice(",\"unsigned\":{")
        if isNamed, !row.nameJSON.isEmpty {
            writer.splice("\"device_display_name\":")
            writer.raw(row.nameJSON)
        }
        writer.splice("}}")
    }

    /// A cross-signing key with the signatures that a user may see: its owner's, and their own.
    func crossSigningKey(
        of user: UserNum, _ usage: CrossSigningUsage, seenBy asker: UserNum
    ) throws -> [UInt8]? {
        guard let value = try get(tables.keysCrossSigning, ViewKeys.crossSigning(user, usage)) else { return nil }
        guard usage == .master, user != asker,
            let foreign = try get(tables.keysSignatures, ViewKeys.foreignSignatures(by: asker, of: user)),
            let added = try JSONValueReader.object(foreign), let key = try JSONValueReader.object(value),
            added["keys"] == key["keys"], let signatures = added["signatures"]
        else { return Array(value) }
        let signer = String(decoding: try text(asker), as: UTF8.self)
        return KeySignatures.adding([signer: signatures], to: key, overwriting: true).canonicalBytes()
    }
}
