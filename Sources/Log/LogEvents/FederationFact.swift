package import EventLog

/// The kinds of records of what goes to other servers and what comes from them beside PDUs: 410 to 419.
extension RecordKind {
    package static let toDeviceForwarded = RecordKind(rawValue: 410)
    package static let toDeviceReceived = RecordKind(rawValue: 411)
    package static let remoteDevicesLearned = RecordKind(rawValue: 412)
    package static let relayPromised = RecordKind(rawValue: 413)
    package static let remoteDeviceUpdated = RecordKind(rawValue: 414)
    package static let remoteDevicesOutdated = RecordKind(rawValue: 415)
    package static let remoteSigningKeysUpdated = RecordKind(rawValue: 416)
}

/// A fact of the traffic with other servers, of any kind.
package enum FederationFact: Sendable {
    case toDeviceForwarded(ToDeviceForwarded)
    case toDeviceReceived(ToDeviceReceived)
    case remoteDevicesLearned(RemoteDevicesLearned)
    case relayPromised(RelayPromised)
    case remoteDeviceUpdated(RemoteDeviceUpdated)
    case remoteDevicesOutdated(RemoteDevicesOutdated)
    case remoteSigningKeysUpdated(RemoteSigningKeysUpdated)

    /// Reads the payload of a record; nil when its kind is none of these.
    package init?(kind: RecordKind, payload: [UInt8]) throws(PayloadError) {
        switch kind {
        case .toDeviceForwarded: self = .toDeviceForwarded(try ToDeviceForwarded(payload: payload))
        case .toDeviceReceived: self = .toDeviceReceived(try ToDeviceReceived(payload: payload))
        case .remoteDevicesLearned: self = .remoteDevicesLearned(try RemoteDevicesLearned(payload: payload))
        case .relayPromised: self = .relayPromised(try RelayPromised(payload: payload))
        case .remoteDeviceUpdated: self = .remoteDeviceUpdated(try RemoteDeviceUpdated(payload: payload))
        case .remoteDevicesOutdated: self = .remoteDevicesOutdated(try RemoteDevicesOutdated(payload: payload))
        case .remoteSigningKeysUpdated:
            self = .remoteSigningKeysUpdated(try RemoteSigningKeysUpdated(payload: payload))
        default: return nil
        }
    }

    /// The users of whom projections keep something because of it.
    package var users: [String] {
        switch self {
        case .toDeviceForwarded, .relayPromised: []
        case .toDeviceReceived(let fact): fact.messages.map(\.userID)
        case .remoteDevicesLearned(let fact): [fact.userID]
        case .remoteDeviceUpdated(let fact): [fact.userID]
        case .remoteDevicesOutdated(let fact): [fact.userID]
        case .remoteSigningKeysUpdated(let fact): [fact.userID]
        }
    }

    /// A name for each kind, for people.
    package static let kindNames: [RecordKind: String] = [
        .toDeviceForwarded: "ToDeviceForwarded",
        .toDeviceReceived: "ToDeviceReceived",
        .remoteDevicesLearned: "RemoteDevicesLearned",
        .relayPromised: "RelayPromised",
        .remoteDeviceUpdated: "RemoteDeviceUpdated",
        .remoteDevicesOutdated: "RemoteDevicesOutdated",
        .remoteSigningKeysUpdated: "RemoteSigningKeysUpdated",
    ]
}
