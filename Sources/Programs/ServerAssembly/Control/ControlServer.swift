import CanonicalJSON
import Decisions
import HTTPFront

/// The running server's control socket: HTTP on a Unix-domain socket that only the owner of the data directory can reach.
struct ControlServer {
    static func routes(_ operations: ControlOperations) -> [Route] {
        [
            Route(
                .post, "/engram/{verb}",
                .async { request in
                    do {
                        let body = try JSONValue.parse(request.body).objectValue ?? [:]
                        return .json(try await operations.perform(request.parameters["verb"], body))
                    } catch let rejection as Rejection {
                        return .matrixError(rejection.status, rejection.errcode, rejection.message)
                    } catch {
                        return .matrixError(500, "M_UNKNOWN", "\(error)")
                    }
                })
        ]
    }
}
