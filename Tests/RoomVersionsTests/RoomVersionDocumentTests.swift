import Foundation
import RoomVersions
import Testing

/// The table of features in `docs/room-versions.md` says what the code says.
@Suite struct RoomVersionDocumentTests {
    private static let features: [(String, @Sendable (RoomVersion) -> String)] = [
        (
            "event ID",
            { version in
                switch version.eventIDFormat {
                case .opaque: "chosen by the server"
                case .hashStandardBase64: "hash, Base64"
                case .hashURLSafe: "hash, URL-safe"
                }
            }
        ),
        ("room ID", { $0.roomIDIsCreateHash ? "hash of the create event" : "with a domain" }),
        ("canonical JSON", { $0.strictCanonicalJSON ? "enforced" : "not enforced" }),
        ("largest depth", { $0.maximumDepth == .max ? "2^63 - 1" : "2^53 - 1" }),
        ("redaction", { "v" + "\($0.redactionRules)".dropFirst() }),
        ("a redaction names its event", { $0.redactsInContent ? "in content" : "at the top" }),
        ("redactions are authorised", { $0.redactionAuth ? "yes" : "no" }),
        ("state resolution", { "\($0.stateResolution)".replacingOccurrences(of: "_", with: ".") }),
        ("key validity", { $0.enforceSignatureExpiry ? "enforced" : "not enforced" }),
        ("levels in strings", { $0.stringPowerLevels ? "yes" : "no" }),
        ("levels as floats", { $0.floatPowerLevels ? "yes" : "no" }),
        ("every level must be an integer", { $0.integerPowerLevelsOnly ? "yes" : "no" }),
        ("levels of notifications", { $0.notificationsPowerLevelAuth ? "authorised" : "free" }),
        ("aliases", { $0.aliasesSpecialAuth ? "rules of their own" : "like any state" }),
        ("knocking", { $0.knock ? "yes" : "no" }),
        ("restricted joins", { $0.restrictedJoin ? "yes" : "no" }),
        ("knock_restricted", { $0.knockRestricted ? "yes" : "no" }),
        ("the creator is", { $0.createWithoutCreator ? "the sender" : "in content" }),
        ("creators' power", { $0.privilegedCreators ? "infinite" : "100 at first" }),
        ("create event in auth_events", { $0.createNotInAuthEvents ? "never" : "always" }),
    ]

    /// One line a feature, with the versions of each kind together.
    private var table: String {
        var lines = ["| | versions |", "|---|---|"]
        for (title, kind) in Self.features {
            var groups: [(kind: String, first: String, last: String)] = []
            for version in RoomVersion.all {
                if let last = groups.last, last.kind == kind(version) {
                    groups[groups.count - 1].last = version.id
                } else {
                    groups.append((kind(version), version.id, version.id))
                }
            }
            let text = groups.map { "\($0.first == $0.last ? $0.first : "\($0.first) to \($0.last)"): \($0.kind)" }
            lines.append("| \(title) | \(text.joined(separator: "; ")) |")
        }
        return "\n" + lines.joined(separator: "\n") + "\n\n"
    }

    /// With `ENGRAM_WRITE_TABLES=1` the document is written anew.
    @Test func theDocumentShowsTheFeatures() throws {
        let file = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("docs/room-versions.md")
        let document = try String(contentsOf: file, encoding: .utf8)
        let start = try #require(document.range(of: "<!-- features: written by RoomVersionDocumentTests -->\n"))
        let stop = try #require(document.range(of: "<!-- end of features -->"))
        if ProcessInfo.processInfo.environment["ENGRAM_WRITE_TABLES"] != nil {
            let changed = document[..<start.upperBound] + table + document[stop.lowerBound...]
            try String(changed).write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(document[start.upperBound..<stop.lowerBound] == table, "run with ENGRAM_WRITE_TABLES=1")
        }
    }
}
