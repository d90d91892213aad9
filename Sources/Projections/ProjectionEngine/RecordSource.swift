package import EventLog

/// Where the engine reads records it has missed: the log, seen as positions only.
package struct RecordSource: Sendable {
    /// Up to `limit` records from a position on, in order.
    package let read: @Sendable (_ from: LogPosition, _ limit: Int) throws -> [EventRecord]
    /// The last record there is.
    package let head: @Sendable () throws -> LogPosition

    package init(
        read: @escaping @Sendable (_ from: LogPosition, _ limit: Int) throws -> [EventRecord],
        head: @escaping @Sendable () throws -> LogPosition
    ) {
        self.read = read
        self.head = head
    }

    package init(_ log: any EventLog) {
        read = { try log.read(from: $0, limit: $1) }
        head = { log.durableHead }
    }
}

/// How far a replay is. Return false to stop it; what was committed stays and the next call goes on there.
package typealias ReplayProgress = @Sendable (_ done: LogPosition, _ head: LogPosition, _ perSecond: Double) -> Bool
