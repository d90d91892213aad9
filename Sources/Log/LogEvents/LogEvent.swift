package import EventLog

/// A fact as the log stores it: what happened, in the past tense, with everything that a replay needs.
///
/// A payload never depends on configuration, time or randomness when it is read back. Payloads of all kinds but
/// ``PDURecorded`` are canonical JSON objects, so that a person can read them and an upcaster can change them.
package protocol LogEvent: Sendable {
    /// The number that marks this kind in a record's header. Never reused.
    static var kind: RecordKind { get }
    /// The payload version that ``payload()`` writes. Older versions reach ``init(payload:)`` through upcasters.
    static var payloadVersion: UInt8 { get }
    /// Reads a payload of the current version.
    init(payload: [UInt8]) throws(PayloadError)
    /// The bytes to store.
    func payload() -> [UInt8]
}

extension LogEvent {
    package static var payloadVersion: UInt8 { 1 }

    /// The record to append for this fact.
    package func record(stream: StreamID, actor: String, cause: String) -> NewRecord {
        NewRecord(
            kind: Self.kind,
            version: Self.payloadVersion,
            stream: stream,
            actor: actor,
            cause: cause,
            payload: payload()
        )
    }
}

/// Why a stored payload could not be read. A projection that meets one halts: it never skips a record.
package struct PayloadError: Error, Sendable, Hashable, CustomStringConvertible {
    package let kind: String
    package let reason: String

    package init(kind: String, reason: String) {
        self.kind = kind
        self.reason = reason
    }

    package var description: String { "payload of \(kind): \(reason)" }
}

/// The kinds of records above the log's own. Numbers are for ever.
extension RecordKind {
    package static let pduRecorded = RecordKind(rawValue: 64)
    package static let accountRegistered = RecordKind(rawValue: 65)
    package static let passwordChanged = RecordKind(rawValue: 66)
    package static let accountDeactivated = RecordKind(rawValue: 67)
    package static let accountFlagsChanged = RecordKind(rawValue: 68)
    package static let deviceRegistered = RecordKind(rawValue: 69)
    package static let tokensRefreshed = RecordKind(rawValue: 70)
    package static let deviceRenamed = RecordKind(rawValue: 71)
    package static let devicesRemoved = RecordKind(rawValue: 72)
    package static let profileFieldSet = RecordKind(rawValue: 73)
    package static let accountDataSet = RecordKind(rawValue: 74)
    package static let filterCreated = RecordKind(rawValue: 75)
    package static let receiptRecorded = RecordKind(rawValue: 76)
    package static let roomForgotten = RecordKind(rawValue: 77)
    package static let aliasCreated = RecordKind(rawValue: 78)
    package static let aliasRemoved = RecordKind(rawValue: 79)
    package static let directoryVisibilitySet = RecordKind(rawValue: 80)
    package static let registrationTokenSet = RecordKind(rawValue: 81)
    package static let devicesSeen = RecordKind(rawValue: 82)
    package static let pushRuleChanged = RecordKind(rawValue: 230)
    package static let pusherSet = RecordKind(rawValue: 231)
    package static let pusherRemoved = RecordKind(rawValue: 232)
    package static let reportFiled = RecordKind(rawValue: 280)
    package static let mediaCreated = RecordKind(rawValue: 250)
    package static let mediaUploaded = RecordKind(rawValue: 251)
    package static let mediaQuarantined = RecordKind(rawValue: 252)
    package static let mediaProtected = RecordKind(rawValue: 253)
    package static let mediaRemoved = RecordKind(rawValue: 254)
    package static let mediaAccessed = RecordKind(rawValue: 255)
    package static let guestUpgraded = RecordKind(rawValue: 320)
    package static let delayedEventScheduled = RecordKind(rawValue: 321)
    package static let delayedEventRestarted = RecordKind(rawValue: 322)
    package static let delayedEventFinalised = RecordKind(rawValue: 323)
    package static let outsideMembershipSet = RecordKind(rawValue: 420)
    package static let serverKeysLearned = RecordKind(rawValue: 400)
}

/// A name for each kind, for people: `engram log tail` and errors print it.
package let recordKindNames: [RecordKind: String] = [
    .pduRecorded: "PDURecorded", .accountRegistered: "AccountRegistered", .passwordChanged: "PasswordChanged",
    .accountDeactivated: "AccountDeactivated", .accountFlagsChanged: "AccountFlagsChanged",
    .deviceRegistered: "DeviceRegistered", .tokensRefreshed: "TokensRefreshed", .deviceRenamed: "DeviceRenamed",
    .devicesRemoved: "DevicesRemoved", .profileFieldSet: "ProfileFieldSet", .accountDataSet: "AccountDataSet",
    .filterCreated: "FilterCreated", .receiptRecorded: "ReceiptRecorded", .roomForgotten: "RoomForgotten",
    .aliasCreated: "AliasCreated", .aliasRemoved: "AliasRemoved",
    .directoryVisibilitySet: "DirectoryVisibilitySet", .registrationTokenSet: "RegistrationTokenSet",
    .devicesSeen: "DevicesSeen",
    .pushRuleChanged: "PushRuleChanged", .pusherSet: "PusherSet", .pusherRemoved: "PusherRemoved",
    .reportFiled: "ReportFiled",
    .guestUpgraded: "GuestUpgraded", .delayedEventScheduled: "DelayedEventScheduled",
    .delayedEventRestarted: "DelayedEventRestarted", .delayedEventFinalised: "DelayedEventFinalised",
    .outsideMembershipSet: "OutsideMembershipSet",
    .mediaCreated: "MediaCreated", .mediaUploaded: "MediaUploaded", .mediaQuarantined: "MediaQuarantined",
    .mediaProtected: "MediaProtected", .mediaRemoved: "MediaRemoved", .mediaAccessed: "MediaAccessed",
    .serverKeysLearned: "ServerKeysLearned",
].merging(KeyFact.kindNames) { name, _ in name }.merging(FederationFact.kindNames) { name, _ in name }
