import CSodium
import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Synchronization

/// `/_synapse/admin/v1/register`: accounts made by whoever knows the shared secret, as existing tools do it.
extension ClientAPI {
    func addSharedSecretRegistration(to table: inout EndpointTable) {
        let path = "/_synapse/admin/v1/register"
        table.read(path, .anyone) { _ in
            guard settings.registrationSharedSecret != nil else { throw Self.sharedSecretDisabled }
            return .json(["nonce": .string(nonces.make())])
        }
        table.perform(.post, path, .anyone) { try await registerBySharedSecret($0) }
    }

    private static let sharedSecretDisabled = Rejection.unknown("Shared secret registration is not enabled")
    private static let userTypes = ["support", "bot"]

    private func registerBySharedSecret(_ call: Call) async throws -> HTTPResponse {
        guard let secret = settings.registrationSharedSecret else { throw Self.sharedSecretDisabled }
        let body = try call.body()
        // Whoever slips with the body may use the nonce again, so it is spent when all of it has been read.
        let nonce = try required("nonce", body)
        let name = try required("username", body)
        let password = try required("password", body)
        guard !name.utf8.contains(0), !name.isEmpty, name.utf8.count <= 512 else {
            throw Rejection.invalidParam("Invalid username")
        }
        guard !password.utf8.contains(0), password.utf8.count <= 512 else {
            throw Rejection.invalidParam("Invalid password")
        }
        let isAdmin = try body.flag("admin")
        let userType = try body.optionalString("user_type")
        if let userType, !Self.userTypes.contains(userType) {
            throw Rejection.invalidParam("Invalid user type")
        }
        let displayName = try body.optionalString("displayname")
        let device = try body.flag("inhibit_login") ? nil : deviceRequest(body, call)
        let mac = try required("mac", body)
        guard nonces.spend(nonce) else { throw Rejection.unknown("unrecognised nonce") }

        var parts = [nonce, name, password, isAdmin ? "admin" : "notadmin"]
        if let userType { parts.append(userType) }
        let message = Array(parts.joined(separator: "\0").utf8)
        let expected = SHA1.authenticationCode(of: message, key: Array(secret.utf8))
        let given = HexText.decode(mac) ?? []
        guard given.count == expected.count, sodium_memcmp(given, expected, expected.count) == 0 else {
            throw Rejection(403, "M_UNKNOWN", "HMAC incorrect")
        }
        var account = NewAccount(
            userID: try Localparts.userID(requested: name, server: environment.serverName, isPrivileged: true),
            password: password)
        account.isAdmin = isAdmin
        account.displayName = displayName
        account.kind = userType.flatMap(NewAccount.Kind.init(rawValue:)) ?? .user
        account.device = device
        return answer(try await accounts.register(account, cause: call.request.requestID))
    }

    private func required(_ name: String, _ body: Body) throws -> String {
        guard let text = try body.optionalString(name) else { throw Rejection.badJSON("\(name) must be specified") }
        return text
    }
}

/// The nonces of shared-secret registration: each is good once, for a minute.
final class RegistrationNonces: Sendable {
    private static let lifetimeMs: Int64 = 60_000
    private static let capacity = 10_000

    private let open = Mutex<[String: Int64]>([:])
    private let nowMs: @Sendable () -> Int64
    private let randomBytes: @Sendable (Int) -> [UInt8]

    init(nowMs: @escaping @Sendable () -> Int64, randomBytes: @escaping @Sendable (Int) -> [UInt8]) {
        self.nowMs = nowMs
        self.randomBytes = randomBytes
    }

    func make() -> String {
        let nonce = HexText.encode(randomBytes(64))
        let now = nowMs()
        open.withLock { open in
            if open.count >= Self.capacity {
                open = open.filter { now &- $0.value < Self.lifetimeMs }
                if open.count >= Self.capacity { open = [:] }
            }
            open[nonce] = now
        }
        return nonce
    }

    func spend(_ nonce: String) -> Bool {
        let now = nowMs()
        return open.withLock { open in
            guard let madeAt = open.removeValue(forKey: nonce) else { return false }
            return now &- madeAt < Self.lifetimeMs
        }
    }
}

/// Hexadecimal digits.
enum HexText {
    private static let digits = Array("0123456789abcdef".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    static func decode(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map { digit -> UInt8? in
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
            default: nil
            }
        }
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
