package import EventLog

/// The kinds of records of end-to-end encryption: 200 to 229.
extension RecordKind {
    package static let deviceKeysUploaded = RecordKind(rawValue: 200)
    package static let oneTimeKeyClaimed = RecordKind(rawValue: 201)
    package static let fallbackKeyUsed = RecordKind(rawValue: 202)
    package static let toDeviceSent = RecordKind(rawValue: 203)
    package static let toDeviceAcknowledged = RecordKind(rawValue: 204)
    package static let crossSigningKeysSet = RecordKind(rawValue: 205)
    package static let keySignaturesAdded = RecordKind(rawValue: 206)
    package static let backupVersionCreated = RecordKind(rawValue: 207)
    package static let backupVersionChanged = RecordKind(rawValue: 208)
    package static let backupVersionDeleted = RecordKind(rawValue: 209)
    package static let backupKeysStored = RecordKind(rawValue: 210)
    package static let backupKeysRemoved = RecordKind(rawValue: 211)
    package static let dehydratedDeviceSet = RecordKind(rawValue: 212)
    package static let dehydratedDeviceRemoved = RecordKind(rawValue: 213)
}

/// A fact of end-to-end encryption, of any kind.
package enum KeyFact: Sendable {
    case deviceKeysUploaded(DeviceKeysUploaded)
    case oneTimeKeyClaimed(OneTimeKeyClaimed)
    case fallbackKeyUsed(FallbackKeyUsed)
    case toDeviceSent(ToDeviceSent)
    case toDeviceAcknowledged(ToDeviceAcknowledged)
    case crossSigningKeysSet(CrossSigningKeysSet)
    case keySignaturesAdded(KeySignaturesAdded)
    case backupVersionCreated(BackupVersionCreated)
    case backupVersionChanged(BackupVersionChanged)
    case backupVersionDeleted(BackupVersionDeleted)
    case backupKeysStored(BackupKeysStored)
    case backupKeysRemoved(BackupKeysRemoved)
    case dehydratedDeviceSet(DehydratedDeviceSet)
    case dehydratedDeviceRemoved(DehydratedDeviceRemoved)

    /// Reads the payload of a record; nil when its kind is none of these.
    package init?(kind: RecordKind, payload: [UInt8]) throws(PayloadError) {
        switch kind {
        case .deviceKeysUploaded: self = .deviceKeysUploaded(try DeviceKeysUploaded(payload: payload))
        case .oneTimeKeyClaimed: self = .oneTimeKeyClaimed(try OneTimeKeyClaimed(payload: payload))
        case .fallbackKeyUsed: self = .fallbackKeyUsed(try FallbackKeyUsed(payload: payload))
        case .toDeviceSent: self = .toDeviceSent(try ToDeviceSent(payload: payload))
        case .toDeviceAcknowledged: self = .toDeviceAcknowledged(try ToDeviceAcknowledged(payload: payload))
        case .crossSigningKeysSet: self = .crossSigningKeysSet(try CrossSigningKeysSet(payload: payload))
        case .keySignaturesAdded: self = .keySignaturesAdded(try KeySignaturesAdded(payload: payload))
        case .backupVersionCreated: self = .backupVersionCreated(try BackupVersionCreated(payload: payload))
        case .backupVersionChanged: self = .backupVersionChanged(try BackupVersionChanged(payload: payload))
        case .backupVersionDeleted: self = .backupVersionDeleted(try BackupVersionDeleted(payload: payload))
        case .backupKeysStored: self = .backupKeysStored(try BackupKeysStored(payload: payload))
        case .backupKeysRemoved: self = .backupKeysRemoved(try BackupKeysRemoved(payload: payload))
        case .dehydratedDeviceSet: self = .dehydratedDeviceSet(try DehydratedDeviceSet(payload: payload))
        case .dehydratedDeviceRemoved: self = .dehydratedDeviceRemoved(try DehydratedDeviceRemoved(payload: payload))
        default: return nil
        }
    }

    /// The users it names, in its order.
    package var users: [String] {
        switch self {
        case .deviceKeysUploaded(let fact): [fact.userID]
        case .oneTimeKeyClaimed(let fact): [fact.userID]
        case .fallbackKeyUsed(let fact): [fact.userID]
        case .toDeviceSent(let fact): [fact.sender] + fact.messages.map(\.userID)
        case .toDeviceAcknowledged(let fact): [fact.userID]
        case .crossSigningKeysSet(let fact): [fact.userID]
        case .keySignaturesAdded(let fact): [fact.signer, fact.target]
        case .backupVersionCreated(let fact): [fact.userID]
        case .backupVersionChanged(let fact): [fact.userID]
        case .backupVersionDeleted(let fact): [fact.userID]
        case .backupKeysStored(let fact): [fact.userID]
        case .backupKeysRemoved(let fact): [fact.userID]
        case .dehydratedDeviceSet(let fact): [fact.userID]
        case .dehydratedDeviceRemoved(let fact): [fact.userID]
        }
    }

    /// A name for each kind, for people.
    package static let kindNames: [RecordKind: String] = [
        .deviceKeysUploaded: "DeviceKeysUploaded",
        .oneTimeKeyClaimed: "OneTimeKeyClaimed",
        .fallbackKeyUsed: "FallbackKeyUsed",
        .toDeviceSent: "ToDeviceSent",
        .toDeviceAcknowledged: "ToDeviceAcknowledged",
        .crossSigningKeysSet: "CrossSigningKeysSet",
        .keySignaturesAdded: "KeySignaturesAdded",
        .backupVersionCreated: "BackupVersionCreated",
        .backupVersionChanged: "BackupVersionChanged",
        .backupVersionDeleted: "BackupVersionDeleted",
        .backupKeysStored: "BackupKeysStored",
        .backupKeysRemoved: "BackupKeysRemoved",
        .dehydratedDeviceSet: "DehydratedDeviceSet",
        .dehydratedDeviceRemoved: "DehydratedDeviceRemoved",
    ]
}
