internal import MatrixEvents
internal import MatrixIdentifiers

extension AuthorizationInput {
    /// The rules for `m.room.aliases`, of v1 to v5.
    func checkAliases() throws(AuthRejection) {
        // "If event has no `state_key`, reject."
        guard let stateKey = pdu.stateKey else {
            throw reject("\(numbers.aliases).1", "an aliases event must have a state key")
        }
        // "If sender's domain doesn't match `state_key`, reject."
        guard pdu.sender.serverName.rawValue.hasSameBytes(as: stateKey) else {
            throw reject("\(numbers.aliases).2", "the state key is not the sender's server")
        }
        // "Otherwise, allow."
    }
}
