package import CommandHandling
package import FederationCommands
package import HTTPFront
package import Queries
package import SearchIndex

/// The client-server API: one extension for each endpoint family of the specification, in `Endpoints`.
package struct ClientAPI: Sendable {
    let environment: CommandEnvironment
    let rooms: RoomCommands
    let accounts: AccountCommands
    let ephemeral: EphemeralState
    let notifier: ChangeNotifier
    let epoch: UInt64
    let settings: ClientAPISettings
    package let media: MediaParts?
    /// Nil on a server that keeps to itself.
    let remote: RemoteActions?
    /// What keeps the search index up to date; nil where searching is disabled.
    let searchFollower: SearchFollower?

    /// Tell it of every applied batch whose users' tokens or flags changed.
    package let authenticator: Authenticator

    let gate: RateGate
    let nonces: RegistrationNonces
    let accountQueries: AccountQueries
    let roomQueries: RoomQueries
    let timelineQueries: TimelineQueries
    let memberQueries: MemberQueries
    let stateQueries: StateQueries
    let directoryQueries: DirectoryQueries
    let userDirectoryQueries: UserDirectoryQueries
    let syncQueries: SyncQueries
    let oldStreamQueries: OldStreamQueries
    let slidingSyncQueries: SlidingSyncQueries
    let threadUpdateQueries: ThreadUpdateQueries
    let relationQueries: RelationQueries
    let spaceQueries: SpaceQueries
    let openIDTokens: OpenIDTokens
    let push: PushCommands
    let pushRuleQueries: PushRuleQueries
    let pusherQueries: PusherQueries
    let notificationQueries: NotificationQueries
    package let keys: KeyCommands
    /// Nil where this server does not talk to others.
    let remoteKeys: RemoteKeys?
    /// Nil when `server_notices` is not set.
    let notices: ServerNotices?
    /// What the reactor that sends delayed events works with too.
    package let delayedEvents: DelayedEventCommands

    package init(
        environment: CommandEnvironment,
        rooms: RoomCommands,
        accounts: AccountCommands,
        ephemeral: EphemeralState,
        notifier: ChangeNotifier,
        epoch: UInt64,
        settings: ClientAPISettings,
        media: MediaParts? = nil,
        search: SearchFollower? = nil,
        remote: RemoteActions? = nil,
        remoteKeys: RemoteKeys? = nil
    ) {
        self.environment = environment
        self.rooms = rooms
        self.accounts = accounts
        self.ephemeral = ephemeral
        self.notifier = notifier
        self.epoch = epoch
        self.settings = settings
        self.media = media
        self.remote = remote
        searchFollower = search
        self.remoteKeys = remoteKeys
        let views = environment.views
        accountQueries = AccountQueries(views: views)
        roomQueries = RoomQueries(views: views)
        timelineQueries = TimelineQueries(views: views)
        memberQueries = MemberQueries(views: views, cache: RenderedCache())
        stateQueries = StateQueries(views: views)
        directoryQueries = DirectoryQueries(views: views)
        userDirectoryQueries = UserDirectoryQueries(views: views, settings: settings.userDirectory)
        syncQueries = SyncQueries(
            views: views, ephemeral: ephemeral, notifier: notifier, federation: FederationEvents(log: environment.log))
        oldStreamQueries = OldStreamQueries(views: views, ephemeral: ephemeral, notifier: notifier)
        slidingSyncQueries = SlidingSyncQueries(beside: syncQueries)
        threadUpdateQueries = ThreadUpdateQueries(views: views)
        push = PushCommands(environment: environment)
        pushRuleQueries = PushRuleQueries(views: views)
        pusherQueries = PusherQueries(views: views)
        notificationQueries = NotificationQueries(views: views)
        relationQueries = RelationQueries(views: views)
        spaceQueries = SpaceQueries(views: views)
        openIDTokens = OpenIDTokens(nowMs: environment.nowMs, randomBytes: environment.randomBytes)
        keys = KeyCommands(environment: environment)
        notices = settings.serverNotices.map { ServerNotices(settings: $0, rooms: rooms, accounts: accounts) }
        delayedEvents = DelayedEventCommands(
            environment: environment, rooms: rooms, settings: settings.delayedEvents)
        authenticator = Authenticator(queries: accountQueries, accounts: accounts, nowMs: environment.nowMs)
        gate = RateGate(limits: settings.limits)
        nonces = RegistrationNonces(nowMs: environment.nowMs, randomBytes: environment.randomBytes)
    }

    /// Every endpoint, for the router.
    package var routes: [Route] {
        var table = EndpointTable(authenticator: authenticator, nowMs: environment.nowMs, epoch: epoch)
        addDiscovery(to: &table)
        addLogin(to: &table)
        addRegistration(to: &table)
        addSharedSecretRegistration(to: &table)
        addAccount(to: &table)
        addDevices(to: &table)
        addProfiles(to: &table)
        addRoomCreation(to: &table)
        addMembership(to: &table)
        addSending(to: &table)
        addDelayedEvents(to: &table)
        addRoomState(to: &table)
        addTimeline(to: &table)
        addDirectory(to: &table)
        addPublicRooms(to: &table)
        addUserDirectory(to: &table)
        addSearch(to: &table)
        addFilters(to: &table)
        addAccountData(to: &table)
        addReceipts(to: &table)
        addTyping(to: &table)
        addPushRules(to: &table)
        addPushers(to: &table)
        addNotifications(to: &table)
        addSync(to: &table)
        addOldStream(to: &table)
        addSlidingSync(to: &table)
        addRelations(to: &table)
        addPresence(to: &table)
        addSpaces(to: &table)
        addReports(to: &table)
        addServerAdministration(to: &table)
        addServerNotices(to: &table)
        addOpenID(to: &table)
        addCalls(to: &table)
        if let media {
            addMediaUpload(to: &table, media)
            addMediaDownload(to: &table, media)
            addMediaThumbnails(to: &table, media)
            if let previews = media.previews { addURLPreview(to: &table, media, previews) }
        }
        addKeys(to: &table)
        addToDevice(to: &table)
        addCrossSigning(to: &table)
        addKeyBackup(to: &table)
        addDehydratedDevice(to: &table)
        return table.routes
    }
}
