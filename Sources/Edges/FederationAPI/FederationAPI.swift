package import CommandHandling
package import FederationCommands
package import HTTPFront
package import Queries

/// The server-server API: one extension for each endpoint family of the specification, in `Endpoints`.
package struct FederationAPI: Sendable {
    let environment: CommandEnvironment
    private let authentication: any RequestAuthentication
    /// Of this program, for those who ask.
    let softwareVersion: String
    let settings: FederationAPISettings
    let admission: ServerAdmission
    let events: FederationEventQueries
    let states: FederationStateQueries
    let spaces: FederationSpaceQueries
    let devices: FederationDeviceQueries
    let directory: DirectoryQueries
    let accounts: AccountQueries
    let keys: KeyCommands
    let handshakes: MembershipHandshakes
    let invitations: Invitations
    let thirdPartyInvites: ThirdPartyInvites
    let transactions: InboundTransactions

    /// - Parameters:
    ///   - intake: where invitations to rooms go that nobody here is in, where that is not to the users' memberships.
    ///   - takeEDU: what is done with EDUs.
    package init(
        environment: CommandEnvironment,
        authentication: any RequestAuthentication,
        softwareVersion: String,
        rooms: RoomCommands,
        signatures: any EventSignatures,
        remotes: any RemoteServers,
        admission: ServerAdmission,
        intake: (any InvitationIntake)? = nil,
        takeEDU: @escaping InboundTransactions.EDUIntake,
        settings: FederationAPISettings = FederationAPISettings()
    ) {
        self.environment = environment
        self.authentication = authentication
        self.softwareVersion = softwareVersion
        self.settings = settings
        self.admission = admission
        let views = environment.views
        events = FederationEventQueries(views: views, log: environment.log, admission: admission)
        states = FederationStateQueries(views: views, log: environment.log, admission: admission)
        spaces = FederationSpaceQueries(views: views, admission: admission)
        devices = FederationDeviceQueries(views: views)
        directory = DirectoryQueries(views: views)
        accounts = AccountQueries(views: views)
        keys = KeyCommands(environment: environment)
        handshakes = MembershipHandshakes(
            environment: environment, rooms: rooms, signatures: signatures, admission: admission)
        let outside = OutsideIntake(environment: environment, rooms: rooms, signatures: signatures)
        transactions = InboundTransactions(
            environment: environment, admission: admission,
            receipt: RemoteReceipt(environment: environment, rooms: rooms, remotes: remotes, signatures: signatures),
            outside: outside, takeEDU: takeEDU)
        invitations = Invitations(
            environment: environment, signatures: signatures, admission: admission, intake: intake ?? outside)
        thirdPartyInvites = ThirdPartyInvites(
            environment: environment, rooms: rooms, admission: admission,
            sending: SentInvitations(environment: environment, rooms: rooms, remotes: remotes, admission: admission))
    }

    /// Every endpoint, for the router.
    package var routes: [Route] {
        var table = FederationTable(authentication: authentication, nowMs: environment.nowMs)
        addVersion(to: &table)
        addEvents(to: &table)
        addState(to: &table)
        addQueries(to: &table)
        addPublicRooms(to: &table)
        addUserKeys(to: &table)
        addJoining(to: &table)
        addLeaving(to: &table)
        addKnocking(to: &table)
        addInviting(to: &table)
        addTransactions(to: &table)
        return table.routes
    }
}
