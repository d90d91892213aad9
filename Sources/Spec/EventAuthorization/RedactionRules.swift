internal import MatrixEvents
internal import MatrixIdentifiers

extension AuthorizationInput {
    /// The rules for `m.room.redaction`, of v1 and v2.
    func checkRedaction(senderLevel: Int64) throws(AuthRejection) {
        // "If the `sender`'s power level is greater than or equal to the *redact level*, allow."
        if senderLevel >= levels.redact { return }
        // "If the domain of the `event_id` of the event being redacted is the same as the domain of the `event_id` of the
        // `m.room.redaction`, allow."
        if let target = pdu.redacts?.serverName, target == eventID.serverName { return }
        // "Otherwise, reject."
        throw reject("\(numbers.redaction).3", "the sender may not redact events of other servers")
    }
}
