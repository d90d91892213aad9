/// "2. Passes signature checks, otherwise it is dropped."
enum SignatureCheck {
    static func check(_ outcome: SignatureOutcome) throws(DroppedPDU) {
        guard outcome.isValid else {
            throw DroppedPDU(check: .signatures, reason: "a signature is missing or not valid")
        }
    }
}
