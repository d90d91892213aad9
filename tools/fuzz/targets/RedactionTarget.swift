internal import CanonicalJSON
internal import MatrixEvents

/// Any JSON object as an event to be redacted; the first byte chooses the room version.
enum RedactionTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let (version, text) = PDUTarget.split(input)
        let object: JSONObject
        do throws(JSONError) {
            guard let parsed = try JSONObject.parse(text, limits: .historicalPDU) else { return nil }
            object = parsed
        } catch {
            return nil
        }
        let once = Redaction.redacted(object, version: version)
        if Redaction.redacted(once, version: version) != once { return "redacted twice it is another event" }
        if once.contains("unsigned") { return "unsigned survives" }
        for (key, value) in once where key != "content" {
            if object[key] != value { return "\(key) is changed" }
        }
        guard let content = once["content"]?.objectValue else {
            return object.contains("content") ? "content is gone" : nil
        }
        for (key, value) in content where key != "third_party_invite" {
            if object["content"]?[key] != value { return "content: \(key) is changed" }
        }
        return nil
    }
}
