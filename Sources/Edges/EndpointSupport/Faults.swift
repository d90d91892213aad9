import CanonicalJSON
import Decisions
import EventLog
package import HTTPFront
import MatrixIdentifiers
import MediaStore
import Queries

/// Turns everything an endpoint can throw into a standard error response.
package enum Faults {
    package static func rethrow(_ request: HTTPRequest, _ body: () throws -> HTTPResponse) throws -> HTTPResponse {
        do {
            return try body()
        } catch {
            throw matrixError(error)
        }
    }

    /// The error to answer; faults of ours pass as they are, for the front to log and to answer with 500.
    package static func matrixError(_ error: any Error) -> any Error {
        switch error {
        case let error as MatrixError: error
        case let rejection as Rejection: matrixError(rejection)
        case let refusal as QueryRefusal:
            MatrixError(status: refusal.status, errcode: refusal.errcode, message: refusal.message)
        case let error as IdentifierError:
            MatrixError(status: 400, errcode: "M_INVALID_PARAM", message: error.message)
        case let error as JSONError:
            MatrixError(status: 400, errcode: "M_BAD_JSON", message: error.message)
        case let fault as AppendFault: matrixError(fault)
        case let fault as MediaFault where fault.isFull:
            MatrixError(status: 507, errcode: "M_UNKNOWN", message: "The server has no room for media.")
        case is RequestBodyStream.Fault: CancellationError()
        default: error
        }
    }

    private static func matrixError(_ rejection: Rejection) -> MatrixError {
        if rejection.status == 429 {
            return MatrixError.limitExceeded(
                retryAfterMilliseconds: rejection.extra["retry_after_ms"]?.integerValue ?? 1000,
                message: rejection.message)
        }
        return MatrixError(
            status: rejection.status, errcode: rejection.errcode, message: rejection.message,
            extra: rejection.extra.map { ($0.key, $0.value) })
    }

    private static func matrixError(_ fault: AppendFault) -> MatrixError {
        switch fault {
        case .queueFull, .conflict:
            MatrixError.limitExceeded(retryAfterMilliseconds: 1000, message: "The server has too much to write.")
        case .tooLarge: MatrixError(status: 413, errcode: "M_TOO_LARGE", message: "This is more than can be stored.")
        case .closed: MatrixError(status: 503, errcode: "M_UNKNOWN", message: "The server is shutting down.")
        case .storage, .projection, .log:
            MatrixError(status: 500, errcode: "M_UNKNOWN", message: "The server could not store this: \(fault)")
        }
    }
}
