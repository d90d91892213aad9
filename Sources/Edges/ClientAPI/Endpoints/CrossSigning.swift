import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers

/// `/keys/device_signing/upload` and `/keys/signatures/upload`.
extension ClientAPI {
    func addCrossSigning(to table: inout EndpointTable) {
        table.perform(.post, "/keys/device_signing/upload", .user) { try await uploadSigningKeys($0) }
        table.perform(.post, "/keys/signatures/upload", .user) { call in
            let failures = try await keys.addSignatures(try call.body().object, caller: call.caller)
            return .json(["failures": .object(failures)])
        }
    }

    private func uploadSigningKeys(_ call: Call) async throws -> HTTPResponse {
        let body = try call.body().object
        let user = try call.userID
        let upload = try CrossSigningUpload(body: body, userID: user.rawValue)
        let present = try keys.crossSigning(of: user)
        // A request with only `auth` repeats one that needed it.
        let isRetry = body["auth"] != nil && body.count == 1
        guard upload.needsAuthentication(present) || isRetry else {
            try await keys.publish(upload, isAuthenticated: false, caller: call.caller)
            return .emptyObject
        }
        // What would be refused anyhow is refused before somebody types a password for it.
        if !isRetry { _ = try upload.decide(present, userID: user.rawValue) }
        let passed = try await interactive(call, "POST /keys/device_signing/upload").pass(body)
        let confirmed = try CrossSigningUpload(body: passed.request, userID: user.rawValue)
        try await keys.publish(confirmed, isAuthenticated: true, caller: call.caller)
        return .emptyObject
    }
}
