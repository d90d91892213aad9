package import MatrixEvents

/// The state that an event is authorised against: its auth events, the state before it, or the current state.
///
/// A reader gives the create event in every room version, also in those where it is no auth event.
package protocol AuthStateReader {
    /// The event that holds an entry of the state.
    func authEvent(type: String, stateKey: String) -> PDU?

    /// The power levels of this state, when the reader has them parsed already; nil makes the authorizer parse them.
    var powerLevels: PowerLevels? { get }

    /// A user's membership; nil when the user has none, or one that is not known.
    ///
    /// A reader that knows it without the member event says so here; by default that event is asked.
    func membership(of userID: String) -> Membership?
}

extension AuthStateReader {
    package func membership(of userID: String) -> Membership? {
        authEvent(type: "m.room.member", stateKey: userID).flatMap { Membership(content: $0.content) }
    }

    package var powerLevels: PowerLevels? { nil }
}

/// A state held in a dictionary.
package struct DictionaryAuthState: AuthStateReader, Sendable {
    private struct Entry: Hashable {
        let type: [UInt8]
        let stateKey: [UInt8]
    }

    private var events: [Entry: PDU] = [:]

    /// Creates a state of these events; those that are no state events are left out.
    package init(_ pdus: [PDU] = []) {
        for pdu in pdus { insert(pdu) }
    }

    /// Puts a state event in the place of its predecessor.
    package mutating func insert(_ pdu: PDU) {
        guard let stateKey = pdu.stateKey else { return }
        events[Entry(type: Array(pdu.type.utf8), stateKey: Array(stateKey.utf8))] = pdu
    }

    /// Takes an entry away.
    package mutating func remove(type: String, stateKey: String) {
        events[Entry(type: Array(type.utf8), stateKey: Array(stateKey.utf8))] = nil
    }

    package func authEvent(type: String, stateKey: String) -> PDU? {
        events[Entry(type: Array(type.utf8), stateKey: Array(stateKey.utf8))]
    }
}
