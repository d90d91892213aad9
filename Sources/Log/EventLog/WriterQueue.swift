import KeyValueStore

/// What the writer thread can be asked to do.
enum WriterRequest {
    case append(PreparedParts, AppendCompletion)
    case erase(EraseRequest)
    case openEpoch(reason: String, AppendCompletion)
}

/// Destroy payloads, as one commit with the record that says so.
struct EraseRequest: Sendable {
    var positions: [LogPosition]
    /// What is left in a payload's place; nil for nothing.
    var replacement: @Sendable (EventRecord) throws -> [UInt8]?
    var actor: String
    var reason: String
    var completion: AppendCompletion
}

/// What the writer thread does next.
struct WriterWork {
    var batches: [(PreparedParts, AppendCompletion)] = []
    /// A request that is a commit of its own, after the batches.
    var single: WriterRequest?
    var cursors: [String: LogPosition] = [:]
    /// Whether nothing more was waiting.
    var isLast = true
}

/// Requests on their way to the writer thread: bounded, in order.
final class WriterQueue: Sendable {
    private struct State {
        var requests: [WriterRequest] = []
        var cursors: [String: LogPosition] = [:]
        /// Cursors have been set since the last attempt to store them. A failed attempt waits for the next group.
        var cursorsAreNew = false
        var closedBy: AppendFault?
    }

    private let state = Monitor(State())
    private let limit: Int
    private let groupBatches: Int
    private let groupBytes: Int

    init(options: LogOptions) {
        limit = options.queueLimit
        groupBatches = options.groupBatches
        groupBytes = options.groupBytes
    }

    /// Why nothing can be enqueued now, before the work of encoding is done.
    var refusal: AppendFault? {
        state.read { state in
            if let fault = state.closedBy { return fault }
            return state.requests.count >= limit ? .queueFull : nil
        }
    }

    func push(_ request: WriterRequest) -> AppendFault? {
        state.update(waking: true) { state in
            if let fault = state.closedBy { return fault }
            if state.requests.count >= limit { return .queueFull }
            state.requests.append(request)
            return nil
        }
    }

    func setCursor(_ name: String, to position: LogPosition) {
        state.update(waking: true) {
            $0.cursors[name] = position
            $0.cursorsAreNew = true
        }
    }

    func pendingCursor(_ name: String) -> LogPosition? {
        state.read { $0.cursors[name] }
    }

    func pendingCursors(named prefix: String) -> [String: LogPosition] {
        state.read { state in
            state.cursors.filter { name, _ in name.utf8.starts(with: prefix.utf8) }
        }
    }

    /// Forgets cursors that are stored now, unless they have moved on.
    func cursorsWereStored(_ stored: [String: LogPosition]) {
        state.update(waking: false) { state in
            for (name, position) in stored where state.cursors[name] == position { state.cursors[name] = nil }
        }
    }

    var isEmpty: Bool { state.read { $0.requests.isEmpty } }

    /// Refuses everything from now on; what is enqueued is still done.
    func close(_ fault: AppendFault) {
        state.update(waking: true) { if $0.closedBy == nil { $0.closedBy = fault } }
    }

    /// Waits for work; nil once closed and empty.
    func take() -> WriterWork? {
        state.wait { state -> WriterWork?? in
            if state.requests.isEmpty, !state.cursorsAreNew { return state.closedBy == nil ? nil : .some(nil) }
            var work = WriterWork()
            var taken = 0
            var bytes = 0
            for request in state.requests {
                guard case .append(let prepared, let completion) = request else {
                    work.single = request
                    taken += 1
                    break
                }
                if work.batches.count >= groupBatches { break }
                if taken > 0, bytes + prepared.storedBytes > groupBytes { break }
                bytes += prepared.storedBytes
                work.batches.append((prepared, completion))
                taken += 1
            }
            state.requests.removeFirst(taken)
            work.cursors = state.cursors
            state.cursorsAreNew = false
            work.isLast = state.requests.isEmpty
            return work
        }
    }
}
