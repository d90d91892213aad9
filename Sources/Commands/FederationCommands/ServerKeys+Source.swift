import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

extension ServerKeys: ServerKeySource {
    package func publicKey(
        of server: ServerName, keyID: String, atMs: Int64, version: RoomVersion
    ) async throws -> [UInt8]? {
        guard let key = try await key(of: server, keyID, atMs: atMs),
            key.validity.covers(originServerTS: atMs, version: version)
        else { return nil }
        return key.publicKey
    }
}
