internal import MatrixIdentifiers
package import RoomVersions

/// Whether a redaction that was accepted takes its effect ("Handling redactions").
package enum RedactionHandling {
    /// Whether the server applies a redaction to the event it names; both have been accepted.
    ///
    /// - Parameter levels: the power levels of the state before the redaction.
    package static func applies(
        _ redaction: PDU, to target: PDU, levels: PowerLevels, version: RoomVersion
    ) -> Bool {
        // "In room versions 1 and 2, redactions were explicitly part of the authorisation rules": what was accepted applies.
        if version.redactionAuth { return true }
        // "1. The power level of the redaction event's `sender` is greater than or equal to the *redact level*."
        if levels.level(of: redaction.sender) >= levels.redact { return true }
        // "2. The domain of the redaction event's `sender` matches that of the original event's `sender`."
        return redaction.sender.isOn(target.sender.serverName)
    }
}
