package import EventLog

/// Cursors that are found again by what their names begin with: those of the destinations that are behind.
package protocol DestinationCursors: ReactorCursors {
    func cursors(named prefix: String) throws(LogFault) -> [String: LogPosition]
}

extension LMDBEventLog: DestinationCursors {}
