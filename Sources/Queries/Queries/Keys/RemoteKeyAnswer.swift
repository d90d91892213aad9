package import CanonicalJSON

/// What other servers say of their users' keys, checked, but not kept here: members of a `/keys/query` answer by user.
package struct RemoteKeyAnswer: Sendable {
    package var devices: JSONObject = [:]
    package var masterKeys: JSONObject = [:]
    package var selfSigningKeys: JSONObject = [:]

    package init() {}

    package mutating func merge(_ other: RemoteKeyAnswer) {
        devices = devices.merging(other.devices)
        masterKeys = masterKeys.merging(other.masterKeys)
        selfSigningKeys = selfSigningKeys.merging(other.selfSigningKeys)
    }

    func append(_ members: JSONObject, to writer: inout JSONWriter) {
        for (name, value) in members { writer.field(name, raw: value.canonicalBytes()) }
    }
}
