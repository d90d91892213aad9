import Decisions
import RoomVersions

/// "2. Passes signature checks, otherwise it is dropped."
enum SignatureCheck {
    static func check(
        _ event: HeldPDU, version: RoomVersion, by verify: ReceiptPipeline.Signatures
    ) throws(DroppedPDU) -> SignatureOutcome {
        let outcome = verify(event, version)
        guard outcome.isValid else {
            throw DroppedPDU(check: .signatures, reason: "a signature is missing or not valid")
        }
        return outcome
    }
}
