package import KeyValueStore

/// The open tables of one set of projections. A class so that handing it to each read copies one reference.
package final class ViewTables: Sendable {
    private let opened: [StoreTable]
    package let known = KnownNumbers()

    /// Opens every table, creating those that do not exist.
    ///
    /// - Parameter generation: which generation of a table is meant; the one that serves reads is in ``ViewCheckpoint``.
    package init(environment: StoreEnvironment, generation: (ViewTable) -> UInt32) throws {
        opened = try ViewTable.allCases.map { table in
            try environment.table(table.storeName(generation: generation(table)))
        }
    }

    package subscript(_ table: ViewTable) -> StoreTable { opened[table.ordinal] }

    package var namesByHash: StoreTable { self[.namesByHash] }
    package var namesByNumber: StoreTable { self[.namesByNumber] }
    package var eventsRows: StoreTable { self[.eventsRows] }
    package var eventsByID: StoreTable { self[.eventsByID] }
    package var eventsTransactions: StoreTable { self[.eventsTransactions] }
    package var timelineOrder: StoreTable { self[.timelineOrder] }
    package var timelinePast: StoreTable { self[.timelinePast] }
    package var timelineGaps: StoreTable { self[.timelineGaps] }
    package var roomsHeads: StoreTable { self[.roomsHeads] }
    package var stateHistory: StoreTable { self[.stateHistory] }
    package var stateMembers: StoreTable { self[.stateMembers] }
    package var membershipsByUser: StoreTable { self[.membershipsByUser] }
    package var accountsRows: StoreTable { self[.accountsRows] }
    package var accountsDevices: StoreTable { self[.accountsDevices] }
    package var accountsTokens: StoreTable { self[.accountsTokens] }
    package var accountsRefreshTokens: StoreTable { self[.accountsRefreshTokens] }
    package var accountsRegistrationTokens: StoreTable { self[.accountsRegistrationTokens] }
    package var accountsByName: StoreTable { self[.accountsByName] }
    package var profilesFields: StoreTable { self[.profilesFields] }
    package var accountDataRows: StoreTable { self[.accountDataRows] }
    package var accountDataChanges: StoreTable { self[.accountDataChanges] }
    package var filtersRows: StoreTable { self[.filtersRows] }
    package var receiptsRows: StoreTable { self[.receiptsRows] }
    package var receiptsChanges: StoreTable { self[.receiptsChanges] }
    package var directoryAliases: StoreTable { self[.directoryAliases] }
    package var directoryByRoom: StoreTable { self[.directoryByRoom] }
    package var directoryPublished: StoreTable { self[.directoryPublished] }
    package var stateChanges: StoreTable { self[.stateChanges] }
    package var stateDeltas: StoreTable { self[.stateDeltas] }
    package var stateBefore: StoreTable { self[.stateBefore] }
    package var keysDevices: StoreTable { self[.keysDevices] }
    package var keysStocks: StoreTable { self[.keysStocks] }
    package var keysOneTime: StoreTable { self[.keysOneTime] }
    package var keysOneTimeByID: StoreTable { self[.keysOneTimeByID] }
    package var keysSpent: StoreTable { self[.keysSpent] }
    package var keysCrossSigning: StoreTable { self[.keysCrossSigning] }
    package var keysSignatures: StoreTable { self[.keysSignatures] }
    package var keysLists: StoreTable { self[.keysLists] }
    package var keysListChanges: StoreTable { self[.keysListChanges] }
    package var keysViewerChanges: StoreTable { self[.keysViewerChanges] }
    package var dehydratedDevices: StoreTable { self[.dehydratedDevices] }
    package var sharingChanges: StoreTable { self[.sharingChanges] }
    package var toDeviceInboxes: StoreTable { self[.toDeviceInboxes] }
    package var toDeviceMessages: StoreTable { self[.toDeviceMessages] }
    package var toDeviceTransactions: StoreTable { self[.toDeviceTransactions] }
    package var toDeviceTransactionOrder: StoreTable { self[.toDeviceTransactionOrder] }
    package var backupHeads: StoreTable { self[.backupHeads] }
    package var backupVersions: StoreTable { self[.backupVersions] }
    package var backupKeys: StoreTable { self[.backupKeys] }
    package var pushRules: StoreTable { self[.pushRules] }
    package var pushersRows: StoreTable { self[.pushersRows] }
    package var pushersByKey: StoreTable { self[.pushersByKey] }
    package var pushersChanges: StoreTable { self[.pushersChanges] }
    package var membersCounts: StoreTable { self[.membersCounts] }
    package var mediaRows: StoreTable { self[.mediaRows] }
    package var mediaByUser: StoreTable { self[.mediaByUser] }
    package var mediaPending: StoreTable { self[.mediaPending] }
    package var mediaBlobs: StoreTable { self[.mediaBlobs] }
    package var authRows: StoreTable { self[.authRows] }
    package var authCitations: StoreTable { self[.authCitations] }
    package var userDirectoryUsers: StoreTable { self[.userDirectoryUsers] }
    package var userDirectoryWords: StoreTable { self[.userDirectoryWords] }
    package var userDirectoryRooms: StoreTable { self[.userDirectoryRooms] }
    package var serversInRooms: StoreTable { self[.serversInRooms] }
    package var serversRooms: StoreTable { self[.serversRooms] }
    package var keysListHistory: StoreTable { self[.keysListHistory] }
    package var keysRemoteUsers: StoreTable { self[.keysRemoteUsers] }
    package var toDeviceReceived: StoreTable { self[.toDeviceReceived] }
    package var toDeviceReceivedOrder: StoreTable { self[.toDeviceReceivedOrder] }
}
