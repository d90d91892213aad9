import CanonicalJSON
package import LogEvents

/// A membership of a room that nobody here is in, with its member event taken apart.
package struct OutsideMembership: Sendable {
    package let fact: OutsideMembershipSet
    package let pdu: DecodedPDU

    init(payload: [UInt8]) throws(PayloadError) {
        fact = try OutsideMembershipSet(payload: payload)
        let recorded = PDURecorded(
            verdict: .accepted, roomVersion: fact.roomVersion, roomID: fact.roomID, eventID: fact.eventID,
            setsOwnEntry: false, isOutlier: true, pdu: fact.event.canonicalBytes())
        pdu = try DecodedPDU.decode(recorded)
    }
}
