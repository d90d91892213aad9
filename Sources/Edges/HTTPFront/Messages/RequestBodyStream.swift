import NIOCore
import Synchronization

/// The body of a request piece by piece, for routes that ask for it (`RouteOptions.streamsBody`).
///
/// The connection puts in what comes and stops reading the socket while too much lies here untaken, so an upload costs
/// the same memory whatever its length. Of other routes the body is here as a whole.
package final class RequestBodyStream: Sendable {
    /// Why a body will not come to its end.
    package enum Fault: Error, Sendable, Hashable {
        case disconnected
    }

    private struct State {
        var pieces: [ByteBuffer] = []
        var buffered = 0
        var hasEnded = false
        var failure: (any Error)?
        var taker: CheckedContinuation<Void, Never>?
        var isFull = false
    }

    /// With so much untaken the socket is not read on.
    private static let most = 256 << 10
    /// Fewer bytes are not worth a thread, unless they are the last.
    private static let worthTaking = 64 << 10

    private let state: Mutex<State>
    private let buffered: MetricGauge?
    private let hasRoom: @Sendable () -> Void

    /// A body that is there already.
    init(_ body: [UInt8]) {
        var whole = State()
        if !body.isEmpty { whole.pieces = [ByteBuffer(bytes: body)] }
        whole.hasEnded = true
        state = Mutex(whole)
        buffered = nil
        hasRoom = {}
    }

    /// A body that comes.
    ///
    /// - Parameters:
    ///   - buffered: counts what lies here.
    ///   - hasRoom: called on the taker's thread when there is room again after `put` has answered that there is none.
    init(buffered: MetricGauge, hasRoom: @escaping @Sendable () -> Void) {
        state = Mutex(State())
        self.buffered = buffered
        self.hasRoom = hasRoom
    }

    deinit { state.withLock { buffered?.add(-$0.buffered) } }

    /// The next bytes; nil at the end. Only one task may take.
    ///
    /// - Throws: what ended the body early: ``Fault``, or `MatrixError` when it is longer than the route allows.
    package func next() async throws -> [UInt8]? {
        await withCheckedContinuation { (taker: CheckedContinuation<Void, Never>) in
            let isReady = state.withLock { state in
                if Self.isReady(state) { return true }
                state.taker = taker
                return false
            }
            if isReady { taker.resume() }
        }
        let (pieces, wasFull, failure) = state.withLock { state in
            defer {
                state.pieces = []
                state.buffered = 0
                state.isFull = false
            }
            buffered?.add(-state.buffered)
            return (state.pieces, state.isFull, state.failure)
        }
        if let failure { throw failure }
        if wasFull { hasRoom() }
        guard !pieces.isEmpty else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pieces.reduce(0) { $0 + $1.readableBytes })
        for piece in pieces { piece.withUnsafeReadableBytes { bytes.append(contentsOf: $0) } }
        return bytes
    }

    /// Whether the last byte has come.
    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    // MARK: - For the connection

    /// Puts in what has come; false when no more should be read until there is room.
    func put(_ bytes: ByteBuffer) -> Bool {
        let (taker, isFull) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
            guard state.failure == nil else { return (nil, false) }
            state.pieces.append(bytes)
            state.buffered += bytes.readableBytes
            buffered?.add(bytes.readableBytes)
            state.isFull = state.buffered >= Self.most
            return (Self.takeTaker(&state), state.isFull)
        }
        taker?.resume()
        return !isFull
    }

    func end() {
        let taker = state.withLock { state in
            state.hasEnded = true
            return Self.takeTaker(&state)
        }
        taker?.resume()
    }

    /// Ends the body early; what lies here is dropped.
    func fail(_ error: any Error) {
        let taker = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.hasEnded, state.failure == nil else { return nil }
            state.failure = error
            return Self.takeTaker(&state)
        }
        taker?.resume()
    }

    private static func isReady(_ state: State) -> Bool {
        state.hasEnded || state.failure != nil || state.buffered >= worthTaking
    }

    private static func takeTaker(_ state: inout State) -> CheckedContinuation<Void, Never>? {
        guard isReady(state) else { return nil }
        defer { state.taker = nil }
        return state.taker
    }
}
