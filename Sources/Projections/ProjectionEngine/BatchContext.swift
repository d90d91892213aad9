package import EventLog
package import KeyValueStore
package import ReadModel

/// What projections share while they apply records: caches, writes that wait for the end of the batch, who is touched.
///
/// It lives as long as the engine; when a transaction is aborted everything in it is forgotten.
package final class BatchContext {
    package let tables: ViewTables
    package var touched = AppliedBatch(head: LogPosition.none)
    /// Room to put a row together, used again for each.
    package var scratch = ByteWriter(capacity: 256)

    var names = NameCache()
    /// The greatest number given out of each kind, once it is known.
    var lastNumbers: [UInt32?] = [nil, nil, nil]
    var current: CurrentPDU?
    private var heads: [UInt32: CachedHead] = [:]
    private var changedHeads: [UInt32] = []
    private var eventIDs = PendingPuts(.keyOnly)
    private var transactions = PendingPuts(.keyOnly)
    private var timeline = PendingPuts(.timeline)
    private var firstPositions: [[UInt8]: LogPosition] = [:]
    private var isOpen = false

    /// The PDU that is being applied, with its numbers.
    struct CurrentPDU {
        let pdu: DecodedPDU
        let room: RoomNum
        let sender: UserNum
        /// See ``BatchContext/original(of:at:_:)``; nil until somebody asks.
        var original: LogPosition?
    }

    private static let mostCachedHeads = 16_384
    private static let mostFirstPositions = 4096

    /// A class, so that a head is changed where it is.
    private final class CachedHead {
        var head: RoomHead
        var exists: Bool
        var isChanged = false

        init(_ head: RoomHead?) {
            self.head = head ?? RoomHead()
            exists = head != nil
        }
    }

    package init(tables: ViewTables) {
        self.tables = tables
    }

    // MARK: - The life of a batch

    /// Call first in each transaction. One that was begun and never committed has left caches that are not true.
    func begin(after head: LogPosition) {
        if isOpen { forgetAll() }
        isOpen = true
        touched = AppliedBatch(head: head)
    }

    /// Makes the writes that waited. Call last in each transaction.
    func flush(_ transaction: borrowing WriteTransaction) throws {
        try eventIDs.flush(tables.eventsByID, transaction)
        try transactions.flush(tables.eventsTransactions, transaction)
        try timeline.flush(tables.timelineOrder, transaction)
        changedHeads.sort()
        for room in changedHeads {
            guard let cached = heads[room] else { continue }
            try transaction.put(tables.roomsHeads, ViewKeys.room(RoomNum(rawValue: room)), cached.head.encoded())
            cached.isChanged = false
        }
        changedHeads.removeAll(keepingCapacity: true)
    }

    /// The transaction is committed.
    func end() {
        isOpen = false
        current = nil
        if heads.count > Self.mostCachedHeads { heads.removeAll() }
    }

    private func forgetAll() {
        names.removeAll()
        current = nil
        lastNumbers = [nil, nil, nil]
        heads.removeAll()
        firstPositions.removeAll()
        changedHeads.removeAll()
        eventIDs.removeAll()
        transactions.removeAll()
        timeline.removeAll()
    }

    // MARK: - Room heads, written once a batch

    private func cachedHead(of room: RoomNum, _ transaction: borrowing WriteTransaction) throws -> CachedHead {
        if let cached = heads[room.rawValue] { return cached }
        let cached = CachedHead(try transaction.roomHead(tables, room))
        heads[room.rawValue] = cached
        return cached
    }

    package func head(of room: RoomNum, _ transaction: borrowing WriteTransaction) throws -> RoomHead? {
        let cached = try cachedHead(of: room, transaction)
        return cached.exists ? cached.head : nil
    }

    /// Changes a head where it is.
    ///
    /// - Parameter creating: whether a room without one gets one; otherwise nothing happens to it.
    package func updateHead(
        of room: RoomNum, creating: Bool, _ transaction: borrowing WriteTransaction, _ change: (inout RoomHead) -> Void
    ) throws {
        let cached = try cachedHead(of: room, transaction)
        guard cached.exists || creating else { return }
        cached.exists = true
        change(&cached.head)
        guard !cached.isChanged else { return }
        cached.isChanged = true
        changedHeads.append(room.rawValue)
    }

    // MARK: - Writes that wait

    package func putEventID(hash: UInt64, _ position: LogPosition) {
        eventIDs.append(hash, position.rawValue)
    }

    package func putTransaction(hash: UInt64, _ position: LogPosition) {
        transactions.append(hash, position.rawValue)
    }

    package func putTimeline(_ room: RoomNum, _ position: LogPosition, _ flags: EventRow.Flags, _ sender: UserNum) {
        timeline.append(
            UInt64(room.rawValue), position.rawValue, UInt64(flags.rawValue) << 32 | UInt64(sender.rawValue))
    }

    /// Makes the timeline's writes that waited, before somebody changes an entry.
    package func flushTimeline(_ transaction: borrowing WriteTransaction) throws {
        try timeline.flush(tables.timelineOrder, transaction)
    }

    // MARK: - What earlier records fixed

    /// Where an event is that was recorded before `position`; 0 when it was not.
    package func position(
        of eventID: String, before position: LogPosition, _ transaction: borrowing WriteTransaction
    ) throws -> LogPosition {
        try eventIDs.flush(tables.eventsByID, transaction)
        let hash = FixedHash.short(eventID)
        var found = LogPosition.none
        let end = ViewKeys.eventByID(hash: hash, position)
        try transaction.forEach(tables.eventsByID, to: end, prefix: StoreKey(hash), reversed: true) { key, _ in
            var input = ByteReader(key)
            _ = try input.readUInt64()
            let candidate = try input.readPosition()
            guard try transaction.eventRow(tables, candidate)?.hasEventID(eventID) == true else { return true }
            found = candidate
            return false
        }
        return found
    }

    /// Where an event was recorded before `position`: once, or first without its place and then with it.
    package func records(
        of eventID: String, before position: LogPosition, _ transaction: borrowing WriteTransaction
    ) throws -> [LogPosition] {
        let last = try self.position(of: eventID, before: position, transaction)
        guard last != LogPosition.none else { return [] }
        let first = try firstPosition(of: eventID, before: position, transaction)
        return first == last ? [last] : [first, last]
    }

    /// Where an event was recorded first, of those before `position`; 0 when it was not.
    ///
    /// The few events that all others cite are remembered.
    package func firstPosition(
        of eventID: String, before position: LogPosition, _ transaction: borrowing WriteTransaction
    ) throws -> LogPosition {
        let name = Array(eventID.utf8)
        if let known = firstPositions[name], known < position { return known }
        try eventIDs.flush(tables.eventsByID, transaction)
        guard let found = try transaction.firstEventPosition(tables, eventID), found < position else { return .none }
        if firstPositions.count >= Self.mostFirstPositions { firstPositions.removeAll(keepingCapacity: true) }
        firstPositions[name] = found
        return found
    }

    /// Where a state event was recorded first, before this record of it; 0 when this is the first.
    ///
    /// An event that is first known without its place is recorded twice. Its first record stands for it in states and in the
    /// auth index; its last one says its place.
    package func original(
        of pdu: DecodedPDU, at position: LogPosition, _ transaction: borrowing WriteTransaction
    ) throws -> LogPosition {
        if let current, current.pdu === pdu, let known = current.original { return known }
        let found = try firstPosition(of: pdu.eventID, before: position, transaction)
        if current?.pdu === pdu { current?.original = found }
        return found
    }

    /// Which event held an entry of state just before the record at `position`; 0 when none did.
    package func stateHolder(
        _ room: RoomNum, _ slot: SlotNum, before position: LogPosition, _ transaction: borrowing WriteTransaction
    ) throws -> LogPosition {
        guard position.rawValue > 0 else { return LogPosition.none }
        return try transaction.stateHolder(tables, room, slot, asOf: LogPosition(rawValue: position.rawValue - 1))
    }
}

/// A record that contradicts the ones before it.
package enum BatchFault: Error, Sendable, Hashable, CustomStringConvertible {
    case unknownName(String)
    case missingRow(LogPosition)
    case unknownRoomVersion(String)
    case damagedRow(LogPosition)
    case namesExhausted

    package var description: String {
        switch self {
        case .unknownName(let name): "\(name) has no number"
        case .missingRow(let position): "the event at \(position) has no row"
        case .unknownRoomVersion(let version): "room version \(version) is unknown"
        case .damagedRow(let position): "the row of the event at \(position) is damaged"
        case .namesExhausted: "all numbers of names are given out"
        }
    }
}
