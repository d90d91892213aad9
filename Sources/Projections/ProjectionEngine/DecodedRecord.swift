package import EventLog
package import LogEvents

/// A record with its payload read, once for all projections.
package final class DecodedRecord: Sendable {
    package let position: LogPosition
    package let epoch: UInt64
    package let wallTimeMs: Int64
    package let stream: StreamID
    package let streamVersion: UInt64
    /// Kept of the last record of a batch, empty of the others.
    package let chainHash: [UInt8]
    package let fact: Fact
    /// Bytes of the payload.
    let size: Int

    /// What the record says.
    package enum Fact: Sendable {
        /// The log's own record, or one whose payload was destroyed without a remainder.
        case none
        case pdu(DecodedPDU)
        case accountRegistered(AccountRegistered)
        case passwordChanged(PasswordChanged)
        case accountDeactivated(AccountDeactivated)
        case accountFlagsChanged(AccountFlagsChanged)
        case deviceRegistered(DeviceRegistered)
        case tokensRefreshed(TokensRefreshed)
        case deviceRenamed(DeviceRenamed)
        case devicesRemoved(DevicesRemoved)
        case devicesSeen([DeviceSighting])
        case profileFieldSet(ProfileFieldSet)
        case accountDataSet(AccountDataSet)
        case reportFiled(ReportFiled)
        case filterCreated(FilterCreated)
        case registrationTokenSet(RegistrationTokenSet)
        case receiptRecorded(ReceiptRecorded)
        case roomForgotten(RoomForgotten)
        case aliasCreated(AliasCreated)
        case aliasRemoved(AliasRemoved)
        case directoryVisibilitySet(DirectoryVisibilitySet)
        case pushRuleChanged(PushRuleChanged)
        case pusherSet(PusherSet)
        case pusherRemoved(PusherRemoved)
        case guestUpgraded(GuestUpgraded)
        case delayedEvent(DelayedEventFact)
        case outsideMembership(OutsideMembership)
        case media(MediaFact)
        case keys(KeyFact)
        case serverKeysLearned(ServerKeysLearned)
        case federation(FederationFact)
        /// The log was restored into the past: what was handed out since may have been handed out for ever.
        case epochOpened
        /// The payloads at these positions were destroyed; what they still say is what a redaction leaves.
        case erasure([LogPosition])
    }

    /// Reads the payload.
    ///
    /// - Parameter isLast: whether a checkpoint may be written after it.
    /// - Throws: `PayloadError` when it is damaged, or of a kind or version that this program does not know.
    package init(_ record: EventRecord, isLast: Bool = true) throws(PayloadError) {
        position = record.position
        epoch = record.epoch
        wallTimeMs = record.wallTimeMs
        stream = record.stream
        streamVersion = record.streamVersion
        chainHash = isLast ? record.chainHash : []
        size = record.payload.count
        fact = try Self.fact(of: record)
    }

    private static func fact(of record: EventRecord) throws(PayloadError) -> Fact {
        if record.kind == .erasure { return .erasure(Erasure.positions(in: record)) }
        if record.kind == .epochOpened { return .epochOpened }
        if record.kind.isSystem || (record.isErased && record.payload.isEmpty) { return .none }
        guard record.version == 1 else {
            throw PayloadError(
                kind: recordKindNames[record.kind] ?? "kind \(record.kind.rawValue)",
                reason: "version \(record.version) is unknown; this log was made by a newer engram")
        }
        let payload = record.payload
        switch record.kind {
        case .pduRecorded: return .pdu(try DecodedPDU.decode(payload: payload))
        case .accountRegistered: return .accountRegistered(try AccountRegistered(payload: payload))
        case .passwordChanged: return .passwordChanged(try PasswordChanged(payload: payload))
        case .accountDeactivated: return .accountDeactivated(try AccountDeactivated(payload: payload))
        case .accountFlagsChanged: return .accountFlagsChanged(try AccountFlagsChanged(payload: payload))
        case .deviceRegistered: return .deviceRegistered(try DeviceRegistered(payload: payload))
        case .tokensRefreshed: return .tokensRefreshed(try TokensRefreshed(payload: payload))
        case .deviceRenamed: return .deviceRenamed(try DeviceRenamed(payload: payload))
        case .devicesRemoved: return .devicesRemoved(try DevicesRemoved(payload: payload))
        case .devicesSeen: return .devicesSeen(DeviceSighting.all(in: try DevicesSeen(payload: payload)))
        case .profileFieldSet: return .profileFieldSet(try ProfileFieldSet(payload: payload))
        case .reportFiled: return .reportFiled(try ReportFiled(payload: payload))
        case .accountDataSet: return .accountDataSet(try AccountDataSet(payload: payload))
        case .filterCreated: return .filterCreated(try FilterCreated(payload: payload))
        case .registrationTokenSet: return .registrationTokenSet(try RegistrationTokenSet(payload: payload))
        case .receiptRecorded: return .receiptRecorded(try ReceiptRecorded(payload: payload))
        case .roomForgotten: return .roomForgotten(try RoomForgotten(payload: payload))
        case .aliasCreated: return .aliasCreated(try AliasCreated(payload: payload))
        case .aliasRemoved: return .aliasRemoved(try AliasRemoved(payload: payload))
        case .directoryVisibilitySet: return .directoryVisibilitySet(try DirectoryVisibilitySet(payload: payload))
        case .pushRuleChanged: return .pushRuleChanged(try PushRuleChanged(payload: payload))
        case .pusherSet: return .pusherSet(try PusherSet(payload: payload))
        case .pusherRemoved: return .pusherRemoved(try PusherRemoved(payload: payload))
        case .outsideMembershipSet: return .outsideMembership(try OutsideMembership(payload: payload))
        case .serverKeysLearned: return .serverKeysLearned(try ServerKeysLearned(payload: payload))
        case .guestUpgraded: return .guestUpgraded(try GuestUpgraded(payload: payload))
        default:
            if let fact = try DelayedEventFact(record) { return .delayedEvent(fact) }
            if let media = try MediaFact(record) { return .media(media) }
            if let fact = try KeyFact(kind: record.kind, payload: payload) { return .keys(fact) }
            if let fact = try FederationFact(kind: record.kind, payload: payload) { return .federation(fact) }
            throw PayloadError(
                kind: "kind \(record.kind.rawValue)", reason: "is unknown; this log was made by a newer engram")
        }
    }
}
