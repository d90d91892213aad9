/// The catalogue of all tables that projections keep; `docs/format/tables.md` describes their keys and values.
package enum ViewTable: String, CaseIterable, Sendable {
    case namesByText = "names.byText"
    case namesByNumber = "names.byNumber"
    case eventsRows = "events.rows"
    case eventsByID = "events.byID"
    case eventsTransactions = "events.transactions"
    case timelineOrder = "timeline.order"
    case roomsHeads = "rooms.heads"
    case stateCurrent = "state.current"
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

    /// Where the table stands in ``ViewTables``.
    package var ordinal: Int {
        switch self {
        case .namesByText: 0
        case .namesByNumber: 1
        case .eventsRows: 2
        case .eventsByID: 3
        case .eventsTransactions: 4
        case .timelineOrder: 5
        case .roomsHeads: 6
        case .stateCurrent: 7
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
        }
    }

    /// The name in the store. A rebuilt projection fills tables of a new generation beside the live ones.
    package func storeName(generation: UInt32) -> String { "\(rawValue)@\(generation)" }
}
