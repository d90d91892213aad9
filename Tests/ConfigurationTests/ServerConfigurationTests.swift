import Configuration
import Glibc
import MatrixIdentifiers
import Testing

@Suite("homeserver.yaml") struct ServerConfigurationTests {
    private func load(_ text: String) throws -> (configuration: ServerConfiguration, warnings: [ConfigurationProblem]) {
        try ServerConfiguration.parse(text, path: "conf/homeserver.yaml")
    }

    private func problems(_ text: String) -> [ConfigurationProblem] {
        do {
            _ = try load(text)
            return []
        } catch let errors as ConfigurationErrors {
            return errors.problems
        } catch {
            return []
        }
    }

    @Test func defaultsArePathsBesideTheFile() throws {
        let configuration = try load("server_name: example.org").configuration
        #expect(configuration.serverName.rawValue == "example.org")
        #expect(configuration.dataDirectory == "conf/data")
        #expect(configuration.signingKeyPath == "conf/example.org.signing.key")
        #expect(configuration.defaultRoomVersion == "12")
        #expect(configuration.rates.message == RateSetting(0.2, 10))
    }

    @Test func whatIsWrittenIsRead() throws {
        let text = """
            server_name: localhost:8480
            data_dir: /srv/engram
            listeners:
              - {port: 8008, bind_addresses: ['127.0.0.1', '::1'], type: http, x_forwarded: true,
                 resources: [{names: [client, federation]}]}
              - {port: 9000, type: metrics}
            enable_registration: true
            registration_requires_token: true
            session_lifetime: 24h
            max_upload_size: 10M
            rc_login: {address: {per_second: 5, burst_count: 50}}
            default_room_version: 11
            """
        let configuration = try load(text).configuration
        #expect(configuration.dataDirectory == "/srv/engram")
        #expect(configuration.listeners.map(\.port) == [8008, 9000])
        #expect(configuration.listeners[0].addresses == ["127.0.0.1", "::1"])
        #expect(configuration.listeners[0].resources == ["client", "federation"])
        #expect(configuration.listeners[1].resources == ["metrics"])
        #expect(configuration.sessionLifetimeMs == 86_400_000)
        #expect(configuration.maxUploadSize == 10 << 20)
        #expect(configuration.rates.loginAddress == RateSetting(5, 50))
        #expect(configuration.rates.loginAccount == RateSetting(0.003, 5))
        #expect(configuration.defaultRoomVersion == "11")
    }

    @Test(arguments: [
        ("server_name: 'not a name'", 1, "server_name"),
        ("server_name: a.b\nlisteners: 5", 2, "listeners"),
        ("server_name: a.b\nlisteners:\n  - {type: http}", 3, "listeners[0].port"),
        ("server_name: a.b\nlisteners:\n  - {port: 99999}", 3, "listeners[0].port"),
        ("server_name: a.b\nenable_registration: yes please", 2, "enable_registration"),
        ("server_name: a.b\nenable_registration: true", 2, "enable_registration"),
        ("server_name: a.b\nsession_lifetime: soon", 2, "session_lifetime"),
        ("server_name: a.b\nmax_upload_size: 99999999999999999999T", 2, "max_upload_size"),
        ("server_name: a.b\nrc_message: {per_second: -1}", 2, "rc_message.per_second"),
        ("server_name: a.b\ndefault_room_version: '99'", 2, "default_room_version"),
    ])
    func wrongValuesAreRefusedWithTheirLine(_ text: String, _ line: Int, _ setting: String) {
        let found = problems(text)
        #expect(found.contains { $0.line == line && $0.setting == setting }, "\(found)")
    }

    @Test func everyProblemIsToldAtOnce() {
        #expect(problems("server_name: a.b\nmax_upload_size: x\nsession_lifetime: y").count == 2)
    }

    @Test(arguments: ["", "- a\n- b", "server_name: [", "a: &a [*a]", "{", "\u{0}", "server_name:\n  - x"])
    func whatIsNoConfigurationIsRefused(_ text: String) {
        #expect(!problems(text).isEmpty)
    }

    @Test func unknownSettingsWarnWithAGuess() throws {
        let warnings = try load("server_name: a.b\nenable_registraton: true\nmacaroon_secret_key: x\nshoe_size: 44")
            .warnings
        #expect(warnings.first { $0.setting == "enable_registraton" }?.what.contains("enable_registration?") == true)
        #expect(warnings.first { $0.setting == "macaroon_secret_key" }?.what.contains("Synapse") == true)
        #expect(warnings.first { $0.setting == "shoe_size" }?.line == 4)
    }

    @Test func theFirstConfigurationIsValid() throws {
        let text = ServerConfiguration.defaultText(
            serverName: "example.org", port: 8008, signingKeyPath: "k", registrationSharedSecret: "s")
        let loaded = try load(text)
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.configuration.signingKeyPath == "conf/k")
    }

    @Test func everySettingIsInTheOperatorGuide() throws {
        var root = #filePath.split(separator: "/").map(String.init)
        root.removeLast(3)
        let path = "/" + root.joined(separator: "/") + "/docs/operator/configuration.md"
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&buffer, 1, buffer.count, file)
        let guide = String(decoding: buffer.prefix(count), as: UTF8.self)
        for name in ServerConfiguration.settingNames { #expect(guide.contains("`\(name)`"), "\(name)") }
    }
}
