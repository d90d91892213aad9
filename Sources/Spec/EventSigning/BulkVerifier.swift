package import CanonicalJSON
package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// One signature to be checked: that of a server on an event, with one of its keys.
package struct SignatureCheck: Sendable {
    package let event: InboundPDU
    package let server: ServerName
    package let keyID: String
    package let publicKey: [UInt8]

    package init(event: InboundPDU, server: ServerName, keyID: String, publicKey: [UInt8]) {
        self.event = event
        self.server = server
        self.keyID = keyID
        self.publicKey = publicKey
    }
}

/// Reads and verifies many events at once, on as many threads as the caller allows.
///
/// Both steps block until all is done; between them the caller finds the keys. Libraries for batches of Ed25519 accept
/// what single verification refuses, so each signature is checked on its own.
package enum BulkVerifier {
    /// Reads many PDUs of one room version; the results stand in the order of the texts.
    package static func read(
        _ texts: [[UInt8]], version: RoomVersion, threads: Int
    ) -> [Result<InboundPDU, PDUError>] {
        ParallelMap.map(texts, threads: threads) { text in
            do throws(PDUError) {
                return .success(try InboundPDU(parsing: text, version: version))
            } catch {
                return .failure(error)
            }
        }
    }

    /// Reads many PDUs out of one text, such as the body of a transaction.
    package static func read(
        _ views: [JSONView], version: RoomVersion, threads: Int
    ) -> [Result<InboundPDU, PDUError>] {
        ParallelMap.map(views, threads: threads) { view in
            do throws(PDUError) {
                return .success(try InboundPDU(view: view, version: version))
            } catch {
                return .failure(error)
            }
        }
    }

    /// Which signatures are valid, in the order of the checks.
    package static func verify(_ checks: [SignatureCheck], threads: Int) -> [Bool] {
        ParallelMap.map(checks, threads: threads) { check in
            check.event.isSigned(by: check.server, keyID: check.keyID, publicKey: check.publicKey)
        }
    }
}
