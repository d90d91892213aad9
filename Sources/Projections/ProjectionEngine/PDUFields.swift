import LogEvents
import ReadModel

/// Where the members of a stored PDU stand that its row is made of.
struct PDUFields {
    var type: Range<Int>?
    var sender: Range<Int>?
    var stateKey: Range<Int>?
    var depth: Range<Int>?
    var originServerTS: Range<Int>?
    var prevEvents: Range<Int>?
    var authEvents: Range<Int>?
    var redacts: Range<Int>?
    var content: Range<Int>?

    init(_ scan: CanonicalScan) {
        scan.forEachMember(of: 0) { key, value in
            // The length tells most keys apart and spares comparing the others.
            switch key.count {
            case 4 where CanonicalScan.equal(key, "type"): type = value
            case 5 where CanonicalScan.equal(key, "depth"): depth = value
            case 6 where CanonicalScan.equal(key, "sender"): sender = value
            case 7 where CanonicalScan.equal(key, "content"): content = value
            case 7 where CanonicalScan.equal(key, "redacts"): redacts = value
            case 9 where CanonicalScan.equal(key, "state_key"): stateKey = value
            case 11 where CanonicalScan.equal(key, "prev_events"): prevEvents = value
            case 11 where CanonicalScan.equal(key, "auth_events"): authEvents = value
            case 16 where CanonicalScan.equal(key, "origin_server_ts"): originServerTS = value
            default: break
            }
        }
    }
}

/// Where the members of an event's content stand that projections look at.
struct ContentFields {
    var membership: Range<Int>?
    var avatarURL: Range<Int>?
    var displayName: Range<Int>?
    var messageType: Range<Int>?
    var relatesTo: Range<Int>?
    var redacts: Range<Int>?
    var hasMentions = false

    init(_ scan: CanonicalScan, at start: Int) {
        scan.forEachMember(of: start) { key, value in
            switch key.count {
            case 7 where CanonicalScan.equal(key, "msgtype"): messageType = value
            case 7 where CanonicalScan.equal(key, "redacts"): redacts = value
            case 10 where CanonicalScan.equal(key, "m.mentions"): hasMentions = true
            case 10 where CanonicalScan.equal(key, "membership"): membership = value
            case 10 where CanonicalScan.equal(key, "avatar_url"): avatarURL = value
            case 11 where CanonicalScan.equal(key, "displayname"): displayName = value
            case 12 where CanonicalScan.equal(key, "m.relates_to"): relatesTo = value
            default: break
            }
        }
    }

    /// "rel_type" is "m.replace".
    func isEdit(_ scan: CanonicalScan) -> Bool {
        guard let relatesTo else { return false }
        var isEdit = false
        scan.forEachMember(of: relatesTo.lowerBound) { key, value in
            if CanonicalScan.equal(key, "rel_type") { isEdit = scan.is(value, "\"m.replace\"") }
        }
        return isEdit
    }
}
