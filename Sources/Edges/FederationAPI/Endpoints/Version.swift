import CanonicalJSON
import HTTPFront

extension FederationAPI {
    func addVersion(to table: inout FederationTable) {
        let version = softwareVersion
        // "Get the implementation name and version of this homeserver."
        table.open(.get, "/_matrix/federation/v1/version") { _ in
            HTTPResponse.json(.object(["server": .object(["name": "Engram", "version": .string(version)])]))
        }
    }
}
