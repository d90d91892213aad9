internal import CanonicalJSON
internal import MatrixEvents
internal import MatrixIdentifiers

extension AuthorizationInput {
    /// "If `content` has a `third_party_invite` property:", for an invite.
    func checkThirdPartyInvite(_ invite: JSONValue, of target: String) throws(AuthRejection) {
        func number(_ rule: String) -> String { numbers.member(.invite, "1.\(rule)") }
        // "If *target user* is banned, reject."
        if membership(of: target) == .ban { throw reject(number("1"), "the user is banned") }
        // "If `content.third_party_invite` does not have a `signed` property, reject."
        guard let signed = invite["signed"]?.objectValue else {
            throw reject(number("2"), "third_party_invite has no signed object")
        }
        // "If `signed` does not have `mxid` and `token` properties, reject."
        guard let userID = signed["mxid"]?.stringValue, let token = signed["token"]?.stringValue else {
            throw reject(number("3"), "the signed object has no mxid or no token")
        }
        // "If `mxid` does not match `state_key`, reject."
        guard userID.hasSameBytes(as: target) else {
            throw reject(number("4"), "the signed object names another user")
        }
        // "If there is no `m.room.third_party_invite` event in the current room state with `state_key` matching `token`,
        // reject."
        guard let event = state.authEvent(type: "m.room.third_party_invite", stateKey: token) else {
            throw reject(number("5"), "there is no third-party invite with this token")
        }
        // "If `sender` does not match `sender` of the `m.room.third_party_invite`, reject."
        guard event.sender == pdu.sender else {
            throw reject(number("6"), "another user sent the third-party invite")
        }
        // "If any signature in `signed` matches any public key in the `m.room.third_party_invite` event, allow. […]
        // Otherwise, reject."
        guard ThirdPartyInviteKeys(content: event.content).signed(signed) else {
            throw reject(number("8"), "no key of the third-party invite signed the object")
        }
    }
}
