import CanonicalJSON
import HTTPFront
import Testing

@testable import ClientAPI

/// `/.well-known/matrix/support`.
@Suite struct SupportInformationTests {
    private static let path = "/.well-known/matrix/support"

    private func answer(
        _ contacts: [SupportInformation.Contact], page: String?
    ) async throws -> InProcessServer.Answer {
        let server = try InProcessServer { settings in
            settings.support.contacts = contacts
            settings.support.page = page
        }
        return try await server.call(.get, Self.path)
    }

    @Test func everythingThatIsSetIsTold() async throws {
        let contacts = [
            SupportInformation.Contact(
                role: "m.role.admin", matrixID: "@admin:example.org", emailAddress: "admin@example.org"),
            SupportInformation.Contact(role: "m.role.security", emailAddress: "security@example.org"),
        ]
        let told = try await answer(contacts, page: "https://example.org/support.html")
        #expect(told.status == 200)
        #expect(
            told.json == [
                "contacts": [
                    [
                        "matrix_id": "@admin:example.org", "email_address": "admin@example.org", "role": "m.role.admin",
                    ],
                    ["email_address": "security@example.org", "role": "m.role.security"],
                ],
                "support_page": "https://example.org/support.html",
            ])
    }

    /// "At least one of `contacts` or `support_page` is required."
    @Test func oneOfThemIsEnough() async throws {
        let page = try await answer([], page: "https://example.org/support.html")
        #expect(page.status == 200 && page.json == ["support_page": "https://example.org/support.html"])
        let contact = try await answer([.init(role: "org.example.abuse", matrixID: "@a:b")], page: nil)
        #expect(contact.status == 200)
        #expect(contact.json == ["contacts": [["role": "org.example.abuse", "matrix_id": "@a:b"]]])
    }

    @Test func nothingIsNotFound() async throws {
        let nothing = try await answer([], page: nil)
        #expect(nothing.status == 404 && nothing.errcode == "M_NOT_FOUND", "\(nothing.json)")
    }
}
