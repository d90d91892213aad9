package import CanonicalJSON

extension RemoteAnswer {
    /// The body of a successful answer.
    ///
    /// - Throws: ``RemoteFault``: `refused` for other statuses, `malformed` for a body that is no JSON object.
    package func object(limits: JSONLimits = .federationBody) throws(RemoteFault) -> JSONObject {
        let parsed: JSONObject?
        do throws(JSONError) {
            parsed = try JSONObject.parse(body, limits: limits)
        } catch {
            parsed = nil
        }
        guard (200..<300).contains(status) else {
            throw .refused(
                status: status, errcode: parsed?["errcode"]?.stringValue ?? "M_UNKNOWN",
                message: String((parsed?["error"]?.stringValue ?? "").prefix(500)))
        }
        guard let parsed else { throw .malformed("the body is no JSON object") }
        return parsed
    }
}
