import CanonicalJSON
import HTTPFront
import Queries

/// Who may use an endpoint.
struct Access: Sendable {
    private enum Token: Sendable {
        case ignored
        case optional
        case required
    }

    private var token = Token.required
    private var allowsGuests = false
    private var allowsLocked = false
    private var allowsSuspended = true

    /// Nobody is asked who they are.
    static let anyone = Access(token: .ignored)
    /// A token is looked at when there is one.
    static let optional = Access(token: .optional, allowsGuests: true)
    /// Everybody with an account of their own.
    static let user = Access()
    /// Guests too.
    static let guest = Access(allowsGuests: true)
    /// Whoever has a token, in whatever condition.
    static let anyToken = Access(allowsGuests: true, allowsLocked: true)

    /// The same, but closed to suspended accounts.
    ///
    /// "Servers […] SHOULD reject with M_USER_SUSPENDED": a suspended account may read, leave, redact and log out.
    var notSuspended: Access {
        var access = self
        access.allowsSuspended = false
        return access
    }

    /// Judges a request; nil when nobody had to say who they are.
    func check(_ request: HTTPRequest, _ authenticator: Authenticator) throws -> Identity? {
        switch token {
        case .ignored: return nil
        case .optional where request.accessToken == nil: return nil
        case .optional, .required: break
        }
        let identity = try authenticator.identity(of: request)
        if identity.isLocked, !allowsLocked {
            throw MatrixError(
                status: 401, errcode: "M_USER_LOCKED", message: "This account has been locked",
                extra: [("soft_logout", .bool(true))])
        }
        if identity.isGuest, !allowsGuests {
            throw MatrixError(
                status: 403, errcode: "M_GUEST_ACCESS_FORBIDDEN", message: "Guests may not use this endpoint")
        }
        if identity.isSuspended, !allowsSuspended {
            throw MatrixError(
                status: 403, errcode: "M_USER_SUSPENDED", message: "Performing this action while suspended is forbidden"
            )
        }
        return identity
    }
}
