import Configuration
import Testing

@Suite("support_contacts and support_page") struct SupportConfigurationTests {
    private func load(
        _ settings: String
    ) throws -> (configuration: ServerConfiguration, warnings: [ConfigurationProblem]) {
        try ServerConfiguration.parse("server_name: a.b\n" + settings, path: "homeserver.yaml")
    }

    private func problems(_ settings: String) -> [ConfigurationProblem] {
        do {
            _ = try load(settings)
            return []
        } catch let errors as ConfigurationErrors {
            return errors.problems
        } catch {
            return []
        }
    }

    @Test func whatIsWrittenIsRead() throws {
        let (configuration, warnings) = try load(
            """
            support_contacts:
              - {role: m.role.admin, matrix_id: "@admin:elsewhere.org", email_address: admin@example.org}
              - {role: m.role.security, email_address: security@example.org, matrix_id: null}
              - role: org.example.abuse-desk_2
                matrix_id: "@abuse:a.b"
            support_page: https://example.org/support.html
            admin_contact: mailto:old@example.org
            """)
        #expect(warnings.isEmpty, "\(warnings)")
        let contacts = configuration.support.contacts
        #expect(contacts.map(\.role) == ["m.role.admin", "m.role.security", "org.example.abuse-desk_2"])
        #expect(contacts.map(\.matrixID) == ["@admin:elsewhere.org", nil, "@abuse:a.b"])
        #expect(contacts.map(\.emailAddress) == ["admin@example.org", "security@example.org", nil])
        #expect(configuration.support.page == "https://example.org/support.html")
    }

    @Test func nothingIsSetByDefault() throws {
        let support = try load("support_contacts:\nsupport_page:").configuration.support
        #expect(support.contacts.isEmpty && support.page == nil)
    }

    @Test(arguments: [
        ("mailto:root@a.b", nil, "root@a.b", false), ("@root:a.b", "@root:a.b", nil, false),
        ("https://a.b/contact", nil, nil, true), ("mailto:", nil, nil, true), ("@root", nil, nil, true),
    ])
    func adminContact(_ text: String, _ user: String?, _ address: String?, _ warns: Bool) throws {
        let (configuration, warnings) = try load("admin_contact: \"\(text)\"")
        #expect(configuration.support.contacts.map(\.matrixID) == (warns ? [] : [user]))
        #expect(configuration.support.contacts.map(\.emailAddress) == (warns ? [] : [address]))
        #expect(warnings.map(\.setting) == (warns ? ["admin_contact"] : []))
        #expect(warnings.allSatisfy { $0.line == 2 })
    }

    @Test(arguments: [
        ("support_contacts: 5", 2, "support_contacts"), ("support_contacts: []", 2, "support_contacts"),
        ("support_contacts:\n  - admin@a.b", 3, "support_contacts[0]"),
        ("support_contacts:\n  - {email_address: x@a.b}", 3, "support_contacts[0].role"),
        ("support_contacts:\n  - {role: null, email_address: x@a.b}", 3, "support_contacts[0].role"),
        ("support_contacts:\n  - role: [m.role.admin]\n    email_address: x@a.b", 3, "support_contacts[0].role"),
        ("support_contacts:\n  - role: m.role.boss\n    email_address: x@a.b", 3, "support_contacts[0].role"),
        ("support_contacts:\n  - role: Admin\n    email_address: x@a.b", 3, "support_contacts[0].role"),
        ("support_contacts:\n  - role: ''\n    email_address: x@a.b", 3, "support_contacts[0].role"),
        ("support_contacts:\n  - {role: m.role.admin}", 3, "support_contacts[0].email_address"),
        ("support_contacts:\n  - role: m.role.admin\n    matrix_id: admin", 4, "support_contacts[0].matrix_id"),
        ("support_contacts:\n  - role: m.role.admin\n    matrix_id: {}", 4, "support_contacts[0].matrix_id"),
        (
            "support_contacts:\n  - {role: a, matrix_id: '@a:b'}\n  - role: b\n    email_address: nobody", 5,
            "support_contacts[1].email_address"
        ),
        ("support_contacts:\n  - role: b\n    email_address: a@b@c", 4, "support_contacts[0].email_address"),
        ("support_page: example.org", 2, "support_page"), ("support_page: https://", 2, "support_page"),
        ("support_page: https:///path", 2, "support_page"), ("support_page: 'https://a b/'", 2, "support_page"),
        ("support_page: {url: x}", 2, "support_page"), ("support_page: ''", 2, "support_page"),
    ])
    func wrongValuesAreRefusedWithTheirLine(_ text: String, _ line: Int, _ setting: String) {
        let found = problems(text)
        #expect(found.map(\.line) == [line] && found.map(\.setting) == [setting], "\(found)")
    }

    @Test func anUnknownMemberOfAContactWarns() throws {
        let warnings = try load("support_contacts:\n  - {role: a, matrix_id: '@a:b', emial_address: x}").warnings
        #expect(warnings.map(\.setting) == ["support_contacts[0].emial_address"])
        #expect(warnings.first?.what.contains("email_address?") == true && warnings.first?.line == 3)
    }
}
