internal import CanonicalJSON
package import MatrixIdentifiers
package import RoomVersions

/// Whose signatures an event must have ("Validating hashes and signatures on received events").
package enum RequiredSignatures {
    /// The servers without whose valid signatures a received event is dropped.
    package static func servers(for pdu: PDU, eventID: EventID, version: RoomVersion) -> [ServerName] {
        var servers: [ServerName] = []
        // "unless the event is a 3rd party invite, only the signature(s) from the originating server (the server the
        // `sender` belongs to) are required". "If the event is a 3rd party invite, the sender must already match the 3rd
        // party invite, and the server which actually sends the event may be a different server."
        if !isThirdPartyInvite(pdu) { servers.append(pdu.sender.serverName) }
        // "Room versions 1 and 2 also require that a signature is present from the domain in the `event_id`, if it differs
        // from the originating server."
        if version.eventIDFormat == .opaque, let server = eventID.serverName, !servers.contains(server) {
            servers.append(server)
        }
        return servers
    }

    /// The server whose signature the authorization rules ask for besides (v8): that of the member who authorised a join.
    ///
    /// Without it the event is not dropped but rejected: "If the event is not validly signed by the homeserver of the user
    /// ID denoted by the key, reject."
    package static func authoriser(of pdu: PDU, version: RoomVersion) -> ServerName? {
        guard version.restrictedJoin, pdu.type.hasSameBytes(as: "m.room.member") else { return nil }
        return pdu.content["join_authorised_via_users_server"]?.stringValue.flatMap { UserID($0) }?.serverName
    }

    private static func isThirdPartyInvite(_ pdu: PDU) -> Bool {
        pdu.type.hasSameBytes(as: "m.room.member") && Membership(content: pdu.content) == .invite
            && pdu.content.contains("third_party_invite")
    }
}
