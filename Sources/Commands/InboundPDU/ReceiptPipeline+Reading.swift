package import CanonicalJSON
package import Decisions
package import MatrixIdentifiers
package import RoomVersions

/// The checks that look at nothing but the PDU one by one, for whoever must fetch keys between them.
extension ReceiptPipeline {
    /// Check 1: the event, if its format is that of the room version and it is of the room.
    package static func read(
        _ object: JSONObject, room: RoomID, version: RoomVersion
    ) throws(DroppedPDU) -> HeldPDU {
        try FormatCheck.check(object, version: version, room: room)
    }

    /// Checks 2 and 3, with what the signatures were found to be worth.
    package static func received(
        _ event: HeldPDU, version: RoomVersion, signatures outcome: SignatureOutcome
    ) throws(DroppedPDU) -> ReceivedPDU {
        try SignatureCheck.check(outcome)
        let redacted = try HashCheck.redactedIfWrong(event, version: version)
        return ReceivedPDU(
            held: redacted ?? event, version: version, isRedacted: redacted != nil,
            isSignedByAuthoriser: outcome.isSignedByAuthoriser)
    }
}
