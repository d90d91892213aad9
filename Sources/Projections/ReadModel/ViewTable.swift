/// The catalogue of all tables that projections keep; `docs/format/tables.md` describes their keys and values.
package enum ViewTable: String, CaseIterable, Sendable {
    case namesByHash = "names.byHash"
    case namesByNumber = "names.byNumber"
    case eventsRows = "events.rows"
    case eventsByID = "events.byID"
    case eventsTransactions = "events.transactions"
    case timelineOrder = "timeline.order"
    case roomsHeads = "rooms.heads"
    case stateChanges = "state.changes"
    case stateHistory = "state.history"
    case stateMembers = "state.members"
    case membershipsByUser = "memberships.byUser"
    case accountsRows = "accounts.rows"
    case accountsDevices = "accounts.devices"
    case accountsTokens = "accounts.tokens"
    case accountsRefreshTokens = "accounts.refreshTokens"
    case accountsRegistrationTokens = "accounts.registrationTokens"
    case accountsByName = "accounts.byName"
    case profilesFields = "profiles.fields"
    case accountDataRows = "accountData.rows"
    case accountDataChanges = "accountData.changes"
    case filtersRows = "filters.rows"
    case receiptsRows = "receipts.rows"
    case receiptsChanges = "receipts.changes"
    case directoryAliases = "directory.aliases"
    case directoryByRoom = "directory.byRoom"
    case directoryPublished = "directory.published"
    case stateDeltas = "state.deltas"
    case stateBefore = "state.before"
    case keysDevices = "keys.devices"
    case keysStocks = "keys.stocks"
    case keysOneTime = "keys.oneTime"
    case keysOneTimeByID = "keys.oneTimeByID"
    case keysSpent = "keys.spent"
    case keysCrossSigning = "keys.crossSigning"
    case keysSignatures = "keys.signatures"
    case keysLists = "keys.lists"
    case keysListChanges = "keys.listChanges"
    case keysViewerChanges = "keys.viewerChanges"
    case dehydratedDevices = "keys.dehydrated"
    case sharingChanges = "sharing.changes"
    case toDeviceInboxes = "toDevice.inboxes"
    case toDeviceMessages = "toDevice.messages"
    case toDeviceTransactions = "toDevice.transactions"
    case toDeviceTransactionOrder = "toDevice.transactionOrder"
    case backupHeads = "backup.heads"
    case backupVersions = "backup.versions"
    case backupKeys = "backup.keys"
    case pushRules = "push.rules"
    case pushersRows = "pushers.rows"
    case pushersByKey = "pushers.byKey"
    case pushersChanges = "pushers.changes"
    case membersCounts = "members.counts"
    case relationsByTarget = "relations.byTarget"
    case relationsByChild = "relations.byChild"
    case threadsRows = "threads.rows"
    case threadsOrder = "threads.order"
    case threadsParticipants = "threads.participants"
    case reportsRows = "reports.rows"
    case mediaRows = "media.rows"
    case mediaByUser = "media.byUser"
    case mediaPending = "media.pending"
    case mediaBlobs = "media.blobs"
    case authRows = "auth.rows"
    case authCitations = "auth.citations"
    case userDirectoryUsers = "userDirectory.users"
    case userDirectoryWords = "userDirectory.words"
    case userDirectoryRooms = "userDirectory.rooms"
    case delayedRows = "delayed.rows"
    case delayedDue = "delayed.due"
    case delayedByUser = "delayed.byUser"
    case delayedFinished = "delayed.finished"
    case delayedTransactions = "delayed.transactions"
    case delayedByState = "delayed.byState"
    case outsideRows = "outside.rows"
    case serverKeysRows = "serverKeys.rows"
    case serverKeysDocuments = "serverKeys.documents"
    case timelinePast = "timeline.past"
    case timelineGaps = "timeline.gaps"
    case serversInRooms = "servers.inRooms"
    case serversRooms = "servers.rooms"
    case keysListHistory = "keys.listHistory"
    case keysRemoteUsers = "keys.remoteUsers"
    case toDeviceReceived = "toDevice.received"
    case toDeviceReceivedOrder = "toDevice.receivedOrder"

    /// Where the table stands in ``ViewTables``: its place among the cases.
    package var ordinal: Int {
        switch self {
        case .namesByHash: 0
        case .namesByNumber: 1
        case .eventsRows: 2
        case .eventsByID: 3
        case .eventsTransactions: 4
        case .timelineOrder: 5
        case .roomsHeads: 6
        case .stateChanges: 7
        case .stateHistory: 8
        case .stateMembers: 9
        case .membershipsByUser: 10
        case .accountsRows: 11
        case .accountsDevices: 12
        case .accountsTokens: 13
        case .accountsRefreshTokens: 14
        case .accountsRegistrationTokens: 15
        case .accountsByName: 16
        case .profilesFields: 17
        case .accountDataRows: 18
        case .accountDataChanges: 19
        case .filtersRows: 20
        case .receiptsRows: 21
        case .receiptsChanges: 22
        case .directoryAliases: 23
        case .directoryByRoom: 24
        case .directoryPublished: 25
        case .stateDeltas: 26
        case .stateBefore: 27
        case .keysDevices: 28
        case .keysStocks: 29
        case .keysOneTime: 30
        case .keysOneTimeByID: 31
        case .keysSpent: 32
        case .keysCrossSigning: 33
        case .keysSignatures: 34
        case .keysLists: 35
        case .keysListChanges: 36
        case .keysViewerChanges: 37
        case .dehydratedDevices: 38
        case .sharingChanges: 39
        case .toDeviceInboxes: 40
        case .toDeviceMessages: 41
        case .toDeviceTransactions: 42
        case .toDeviceTransactionOrder: 43
        case .backupHeads: 44
        case .backupVersions: 45
        case .backupKeys: 46
        case .pushRules: 47
        case .pushersRows: 48
        case .pushersByKey: 49
        case .pushersChanges: 50
        case .membersCounts: 51
        case .relationsByTarget: 52
        case .relationsByChild: 53
        case .threadsRows: 54
        case .threadsOrder: 55
        case .threadsParticipants: 56
        case .reportsRows: 57
        case .mediaRows: 58
        case .mediaByUser: 59
        case .mediaPending: 60
        case .mediaBlobs: 61
        case .authRows: 62
        case .authCitations: 63
        case .userDirectoryUsers: 64
        case .userDirectoryWords: 65
        case .userDirectoryRooms: 66
        case .delayedRows: 67
        case .delayedDue: 68
        case .delayedByUser: 69
        case .delayedFinished: 70
        case .delayedTransactions: 71
        case .delayedByState: 72
        case .outsideRows: 73
        case .serverKeysRows: 74
        case .serverKeysDocuments: 75
        case .timelinePast: 76
        case .timelineGaps: 77
        case .serversInRooms: 78
        case .serversRooms: 79
        case .keysListHistory: 80
        case .keysRemoteUsers: 81
        case .toDeviceReceived: 82
        case .toDeviceReceivedOrder: 83
        }
    }

    /// The name in the store. A rebuilt projection fills tables of a new generation beside the live ones.
    package func storeName(generation: UInt32) -> String { "\(rawValue)@\(generation)" }
}
