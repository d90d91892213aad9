import ReadModel

/// What the default push rules make of an event, as far as that is the same for everybody: found out once, when the event is
/// recorded, so that the rules themselves need not be asked about most events.
struct DefaultNotification {
    /// `notifies` and `mentions` of an event's flags.
    let flags: UInt8

    init(_ scan: CanonicalScan, type: Range<Int>, _ content: ContentFields, isState: Bool) {
        flags = Self.flags(scan, type, content, isState)
    }

    private static func flags(
        _ scan: CanonicalScan, _ type: Range<Int>, _ content: ContentFields, _ isState: Bool
    ) -> UInt8 {
        let asks = EventRow.Flags.mentions.rawValue
        // `.m.rule.is_user_mention`, `.m.rule.is_room_mention`, `.m.rule.tombstone`. Globs do not regard case: what is not
        // written as usual is left to the rules.
        if content.hasMentions || !isLowerCase(scan, type) { return asks }
        if isState, scan.is(type, "\"m.room.tombstone\"") { return asks }
        guard
            scan.is(type, "\"m.room.message\"") || scan.is(type, "\"m.room.encrypted\"")
                || scan.is(type, "\"m.call.invite\"")
        else { return 0 }
        if let messageType = content.messageType, scan.byte(messageType.lowerBound) == UInt8(ascii: "\"") {
            // `.m.rule.suppress_notices`
            if scan.is(messageType, "\"m.notice\"") { return 0 }
            if !isLowerCase(scan, messageType) { return asks }
        }
        // `.m.rule.suppress_edits`
        return content.isEdit(scan) ? 0 : EventRow.Flags.notifies.rawValue
    }

    private static func isLowerCase(_ scan: CanonicalScan, _ text: Range<Int>) -> Bool {
        for byte in scan.slice(text) {
            switch byte {
            case 0x41...0x5a, 0x5c, 0x80...: return false
            default: continue
            }
        }
        return true
    }
}
