package import KeyValueStore

/// Why a batch was not appended, or not acknowledged.
package enum AppendFault: Error, Sendable, CustomStringConvertible {
    /// A stream has another version than the batch expects. Nothing was written.
    case conflict(StreamID, actual: UInt64)
    /// Too much is waiting to be written. Nothing was written; try again later.
    case queueFull
    /// The disk or the store failed. Nothing of the batch was written.
    case storage(StoreFault)
    /// The log has been closed. Nothing was written.
    case closed
    /// A payload, a stream name or the batch is too large, or a kind is reserved. Nothing was written.
    case tooLarge
    /// The batch is durable, but a projection failed to apply it: it will be applied by a rebuild.
    case projection(any Error)
    /// What the log holds could not be read. Nothing was written.
    case log(LogFault)

    package var description: String {
        switch self {
        case .conflict(let stream, let actual): "\(stream) has version \(actual), not the expected one"
        case .queueFull: "too many records wait to be written"
        case .storage(let fault): fault.description
        case .closed: "the log is closed"
        case .tooLarge: "a record or batch is too large"
        case .projection(let error): "the records are stored, but a projection could not apply them: \(error)"
        case .log(let fault): fault.description
        }
    }
}

/// Why the log cannot be opened or read.
package enum LogFault: Error, Sendable, CustomStringConvertible {
    case storage(StoreFault)
    /// A record, or a range up to the head, is damaged.
    case damaged(LogPosition, String)
    /// A newer program wrote what this one cannot read.
    case madeByNewer(String)
    /// The directory holds no log.
    case noLog(String)

    package var description: String {
        switch self {
        case .storage(let fault): fault.description
        case .damaged(let position, let what): "the log is damaged at position \(position): \(what)"
        case .madeByNewer(let what): "this log was made by a newer engram: \(what); use that version or a later one"
        case .noLog(let path): "there is no log in \(path)"
        }
    }

    /// Brings whatever reading threw into this type.
    init(_ error: any Error) {
        switch error {
        case let fault as LogFault: self = fault
        case let fault as StoreFault: self = .storage(fault)
        default: self = .damaged(.none, "\(error)")
        }
    }
}
