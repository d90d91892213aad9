import Configuration
import Glibc
import Testing

/// Files that are no configuration, or one that would open a door.
@Suite("hostile homeserver.yaml", .timeLimit(.minutes(10))) struct HostileConfigurationTests {
    private func problems(_ text: String) -> [ConfigurationProblem] {
        do {
            _ = try ServerConfiguration.parse(text, path: "homeserver.yaml")
            return []
        } catch {
            return error.problems
        }
    }

    /// Thirty names, each twice the one before: 2^30 nodes when they are followed.
    private func bomb(use: (Int) -> String) -> String {
        var text = "server_name: a.b\nx0: &a0 [1]\n"
        for level in 1...30 { text += "x\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        return text + use(30) + "\n"
    }

    @Test func aliasesInValuesDoNotUnfold() throws {
        let loaded = try ServerConfiguration.parse(bomb { "listener: *a\($0)" }, path: "homeserver.yaml")
        #expect(loaded.warnings.contains { $0.setting == "listener" })
        #expect(problems(bomb { "listeners: *a\($0)" }).first?.setting == "listeners[0]")
    }

    @Test(arguments: [
        "? *a30\n: 1", "*a30 : 1", "{*a30 : 1}", "[*a30]: 1", "z: {[*a30]: 1}", "? [*a30]\n: 1", "- ? *a30",
    ])
    func aliasesInNamesAreRefused(_ line: String) {
        let found = problems(bomb { _ in line })
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { !$0.what.isEmpty })
    }

    @Test(arguments: ["[", "{a: ", "- ", "? ", "[{a: ", "-\n"])
    func deepNestingIsRefused(_ piece: String) {
        let text = "server_name: a.b\nx:\n  " + String(repeating: piece, count: 100_000)
        #expect(!problems(text).isEmpty)
    }

    @Test func deepIndentationIsRefused() {
        var text = "server_name: a.b\n"
        for level in 0..<1000 { text += String(repeating: " ", count: level) + "x:\n" }
        let found = problems(text)
        #expect(found.first?.what.contains("nested") == true)
        #expect(found.first?.line ?? 0 > 1)
    }

    @Test func ordinaryAliasesWork() throws {
        let text = """
            server_name: a.b
            rc_message: &fast {per_second: 100, burst_count: 200}
            rc_joins: {local: *fast, remote: *fast}
            admin_contact: "mailto:*a&b*?"  # *not* an alias
            """
        let configuration = try ServerConfiguration.parse(text, path: "homeserver.yaml").configuration
        #expect(configuration.rates.joinsRemote == RateSetting(100, 200))
        #expect(configuration.adminContact == "mailto:*a&b*?")
    }

    @Test(arguments: [
        "form_secret: hush-hush\nserver_name: a.b\nserver_name: c.d",
        "server_name: a.b\n  form_secret: hush-hush: [",
        "server_name: a.b\nform_secret: \"hush-hush",
        "server_name: a.b\nform_secret: hush-hush\u{1}",
        "server_name: a.b\nregistration_shared_secret: [hush-hush]",
    ])
    func problemsDoNotQuoteSecrets(_ text: String) {
        let found = problems(text)
        #expect(!found.isEmpty)
        for problem in found {
            #expect(!problem.description.contains("hush-hush"), "\(problem)")
            #expect(!problem.description.contains("\n"), "\(problem)")
        }
    }

    @Test func namesThatStandTwiceHaveALine() {
        let found = problems("server_name: a.b\nenable_metrics: true\nenable_metrics: false")
        #expect(found.first?.line == 2)
        #expect(found.first?.what.contains("enable_metrics") == true)
    }

    /// With an empty secret anybody could compute the code that registers an administrator.
    @Test(arguments: ["''", "\"\""]) func anEmptySecretIsRefused(_ value: String) {
        let found = problems("server_name: a.b\nregistration_shared_secret: \(value)")
        #expect(found.map(\.setting) == ["registration_shared_secret"])
    }

    @Test func aSecretFileWithoutASecretIsRefused() {
        let found = problems("server_name: a.b\nregistration_shared_secret_path: /dev/null")
        #expect(found.map(\.setting) == ["registration_shared_secret_path"])
    }

    /// To the front, no names mean all resources, `metrics` among them.
    @Test(arguments: [
        "5", "{names: [client]}", "[]", "[client]", "[{names: client}]", "[{names: []}]", "[{}]",
        "[{names: [[client]]}]",
    ])
    func resourcesThatCannotBeReadAreRefused(_ resources: String) {
        let found = problems("server_name: a.b\nlisteners:\n  - {port: 1, resources: \(resources)}")
        #expect(found.first?.setting.hasPrefix("listeners[0].resources") == true, "\(found)")
        #expect(found.first?.line == 3)
        #expect(found.first?.column ?? 0 > 1)
    }

    @Test(arguments: [
        ("no", false), ("off", false), ("False", false), ("only_for_reauth", false), ("yes", true), ("", true),
    ])
    func passwordsAreOffHoweverItIsWritten(_ value: String, _ enabled: Bool) throws {
        let text = "server_name: a.b\npassword_config: {enabled: \(value)}"
        #expect(try ServerConfiguration.parse(text, path: "h.yaml").configuration.passwordsEnabled == enabled)
    }

    @Test func lifetimesCanBeTakenAway() throws {
        let text = "server_name: a.b\nrefreshable_access_token_lifetime: null"
        let configuration = try ServerConfiguration.parse(text, path: "h.yaml").configuration
        #expect(configuration.refreshableAccessTokenLifetimeMs == nil)
    }

    @Test(arguments: ["uploads_path", "oidc_providers", "rc_reports", "federation_metrics_domains"])
    func settingsOfSynapseAreKnownAsSuch(_ name: String) throws {
        let warnings = try ServerConfiguration.parse("server_name: a.b\n\(name): []", path: "h.yaml").warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.what.contains("Synapse") == true)
    }
}
