import EventLog
package import LogEvents

/// What a record says about media.
package enum MediaFact: Sendable {
    case created(MediaCreated)
    case uploaded(MediaUploaded)
    case quarantined(MediaQuarantined)
    case protected(MediaProtected)
    case removed(MediaRemoved)
    case accessed(MediaAccessed)

    /// Nil for a record that is about something else.
    init?(_ record: EventRecord) throws(PayloadError) {
        switch record.kind {
        case .mediaCreated: self = .created(try MediaCreated(payload: record.payload))
        case .mediaUploaded: self = .uploaded(try MediaUploaded(payload: record.payload))
        case .mediaQuarantined: self = .quarantined(try MediaQuarantined(payload: record.payload))
        case .mediaProtected: self = .protected(try MediaProtected(payload: record.payload))
        case .mediaRemoved: self = .removed(try MediaRemoved(payload: record.payload))
        case .mediaAccessed: self = .accessed(try MediaAccessed(payload: record.payload))
        default: return nil
        }
    }
}
