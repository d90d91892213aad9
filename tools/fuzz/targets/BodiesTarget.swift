internal import CanonicalJSON
internal import Decisions
internal import RoomVersions

/// Any bytes as the bodies of commands.
enum BodiesTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let body: JSONObject
        do throws(JSONError) {
            guard let parsed = try JSONObject.parse(input) else { return nil }
            body = parsed
        } catch {
            return nil
        }
        return refusalDefect(body) ?? keyDefect(body)
    }

    /// Whatever is refused is refused as the client's fault.
    private static func refusalDefect(_ body: JSONObject) -> String? {
        let user = "@alice:example.org"
        let refusals = [
            refusal { () throws(Rejection) in _ = try CreateRoomRequest(body: body, defaultVersion: .v11) },
            refusal { () throws(Rejection) in _ = try ToDeviceRequest(body: body) },
            refusal { () throws(Rejection) in _ = try KeyUpload(body: body, userID: user, deviceID: "DEVICE") },
            refusal { () throws(Rejection) in _ = try CrossSigningUpload(body: body, userID: user) },
            refusal { () throws(Rejection) in _ = try BackedUpKey(.object(body)) },
        ]
        for refusal in refusals.compactMap({ $0 })
        where !(400..<500).contains(refusal.status) || !refusal.errcode.hasPrefix("M_") {
            return "refused with \(refusal.status) \(refusal.errcode)"
        }
        return nil
    }

    private static func refusal(_ read: () throws(Rejection) -> Void) -> Rejection? {
        do throws(Rejection) {
            try read()
            return nil
        } catch {
            return error
        }
    }

    /// What is accepted is signed by others, and stored: it must have a canonical form.
    private static func keyDefect(_ body: JSONObject) -> String? {
        do throws(Rejection) {
            let upload = try KeyUpload(body: body, userID: "@alice:example.org", deviceID: "DEVICE")
            let kept = [upload.deviceKeys ?? [:], upload.oneTimeKeys, upload.fallbackKeys]
            if !kept.allSatisfy(\.hasOnlyCanonicalNumbers) { return "keys without a canonical form" }
        } catch {
            return nil
        }
        return nil
    }
}
