import CanonicalJSON
import EventAuthorization
import EventSigning
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Testing

@Suite struct PolicyServerTests {
    private let key: SigningKey
    private let content: JSONObject

    init() throws {
        key = try SigningKey(seed: [UInt8](repeating: 3, count: 32), keyID: PolicyServer.keyID)
        content = ["via": "policy.example.org", "public_keys": ["ed25519": .string(key.publicKeyBase64)]]
    }

    @Test func aRoomUsesAServerThatIsInIt() {
        #expect(PolicyServer(content: content) { $0.rawValue == "policy.example.org" }?.publicKey == key.publicKey)
        #expect(PolicyServer(content: content) { _ in false } == nil)
    }

    @Test(
        arguments: [
            [:], ["via": 3], ["via": "not a name"], ["public_keys": [:]], ["public_keys": ["ed25519": 3]],
            ["public_keys": "x"], ["public_keys": ["ed25519": "not base64!"]],
        ] as [JSONObject])
    func malformedContentNamesNoServer(changes: JSONObject) {
        let broken = changes.isEmpty ? [:] : content.merging(changes)
        #expect(PolicyServer(content: broken) { _ in true } == nil)
    }

    @Test(arguments: RoomVersion.all)
    func whatItSignedIsRecommended(version: RoomVersion) throws {
        let policy = try #require(PolicyServer(content: content) { _ in true })
        let room = try TestRoom(version)
        let message = try room.event("m.room.message", by: TestRoom.bob, ["body": "x"])
        #expect(!policy.recommends(message, version: version))
        func signed(by key: SigningKey, as server: String) throws -> PDU {
            let object = try EventSigner.addSignature(
                to: message.object, version: version, server: try ServerName(parsing: server), key: key)
            return try PDU(draft: object, version: version)
        }
        #expect(policy.recommends(try signed(by: key, as: "policy.example.org"), version: version))
        #expect(!policy.recommends(try signed(by: key, as: "example.org"), version: version))
        let other = try SigningKey(seed: [UInt8](repeating: 4, count: 32), keyID: PolicyServer.keyID)
        #expect(!policy.recommends(try signed(by: other, as: "policy.example.org"), version: version))
        let sameKey = try SigningKey(seed: [UInt8](repeating: 3, count: 32), keyID: "ed25519:1")
        #expect(!policy.recommends(try signed(by: sameKey, as: "policy.example.org"), version: version))
    }

    @Test func itsOwnEventIsNotAskedAbout() throws {
        let room = try TestRoom(.v12)
        #expect(!PolicyServer.isAsked(about: try room.event("m.room.policy", "", by: TestRoom.bob, [:])))
        #expect(PolicyServer.isAsked(about: try room.event("m.room.policy", "x", by: TestRoom.bob, [:])))
        #expect(PolicyServer.isAsked(about: try room.event("m.room.policy", by: TestRoom.bob, [:])))
        #expect(PolicyServer.isAsked(about: try room.event("m.room.power_levels", "", by: TestRoom.bob, [:])))
    }
}
