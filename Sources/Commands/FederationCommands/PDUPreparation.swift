package import CanonicalJSON
import Decisions
package import InboundPDU
package import MatrixIdentifiers
package import RoomVersions

/// Takes PDUs of other servers through the checks that look at nothing but the PDU, many side by side.
package struct PDUPreparation: Sendable {
    private let signatures: any EventSignatures

    /// PDUs that one task takes at a time.
    private static let chunk = 64
    /// Tasks at once: as many as a small machine has cores, so that other requests find some of them free.
    private static let width = 4

    package init(signatures: any EventSignatures) {
        self.signatures = signatures
    }

    /// - Returns: for each object, in order, the PDU or why it is dropped.
    /// - Throws: what finding keys throws.
    package func prepare(
        _ objects: [JSONObject], room: RoomID, version: RoomVersion
    ) async throws -> [Result<ReceivedPDU, DroppedPDU>] {
        guard objects.count > Self.chunk else { return try await prepare(objects[...], room, version) }
        let chunks = stride(from: 0, to: objects.count, by: Self.chunk).map {
            objects[$0..<min($0 + Self.chunk, objects.count)]
        }
        return try await withThrowingTaskGroup(
            of: (Int, [Result<ReceivedPDU, DroppedPDU>]).self,
            returning: [Result<ReceivedPDU, DroppedPDU>].self
        ) { group in
            var waiting = chunks.enumerated().makeIterator()
            func start(_ group: inout ThrowingTaskGroup<(Int, [Result<ReceivedPDU, DroppedPDU>]), any Error>) {
                guard let (index, chunk) = waiting.next() else { return }
                group.addTask { (index, try await prepare(chunk, room, version)) }
            }
            for _ in 0..<Self.width { start(&group) }
            var parts = [[Result<ReceivedPDU, DroppedPDU>]](repeating: [], count: chunks.count)
            while let (index, part) = try await group.next() {
                parts[index] = part
                start(&group)
            }
            return Array(parts.joined())
        }
    }

    /// One PDU.
    package func prepare(_ object: JSONObject, room: RoomID, version: RoomVersion) async throws -> ReceivedPDU {
        let event = try ReceiptPipeline.read(object, room: room, version: version)
        let outcome = try await signatures.outcome(of: event, version: version)
        return try ReceiptPipeline.received(event, version: version, signatures: outcome)
    }

    private func prepare(
        _ objects: ArraySlice<JSONObject>, _ room: RoomID, _ version: RoomVersion
    ) async throws -> [Result<ReceivedPDU, DroppedPDU>] {
        var results: [Result<ReceivedPDU, DroppedPDU>] = []
        results.reserveCapacity(objects.count)
        for object in objects {
            do {
                results.append(.success(try await prepare(object, room: room, version: version)))
            } catch let dropped as DroppedPDU {
                results.append(.failure(dropped))
            }
        }
        return results
    }
}
