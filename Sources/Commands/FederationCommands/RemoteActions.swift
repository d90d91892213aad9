/// What users of this server do with the help of other servers.
package struct RemoteActions: Sendable {
    package let membership: RemoteMembership
    package let invitations: SentInvitations
    package let history: RemoteHistory
    package let lookups: RemoteLookups

    package init(
        membership: RemoteMembership, invitations: SentInvitations, history: RemoteHistory, lookups: RemoteLookups
    ) {
        self.membership = membership
        self.invitations = invitations
        self.history = history
        self.lookups = lookups
    }
}
