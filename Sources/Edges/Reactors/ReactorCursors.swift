package import EventLog

/// Where reactors note how far they have acted: in the log's environment, which a rebuild of the projections does not touch.
package protocol ReactorCursors: Sendable {
    /// `.none` at first.
    func cursor(_ name: String) throws(LogFault) -> LogPosition
    /// Stored with the next commit.
    func setCursor(_ name: String, to position: LogPosition)
}

extension LMDBEventLog: ReactorCursors {}
