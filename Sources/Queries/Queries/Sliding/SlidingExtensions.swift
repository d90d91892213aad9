import CanonicalJSON

/// The `extensions` of a request.
package struct SlidingExtensions: Sendable, Hashable {
    /// Of which rooms an extension speaks: "Which lists (by list key …) the extension applies to. Defaults to all lists."
    struct Scope: Sendable, Hashable {
        /// Nil for all.
        var lists: Set<SameBytes>?
        var rooms: Set<SameBytes>?

        init(_ reader: SlidingReader) throws(QueryRefusal) {
            lists = try Self.names(reader, "lists")
            rooms = try Self.names(reader, "rooms")
        }

        private static func names(_ reader: SlidingReader, _ member: String) throws(QueryRefusal) -> Set<SameBytes>? {
            guard let names = try reader.strings(member, atMost: 200), !names.contains("*") else { return nil }
            return Set(names.map(SameBytes.init))
        }
    }

    struct ToDevice: Sendable, Hashable {
        /// Where the client's messages end; nil when it has none.
        var since: String?
        var limit: Int
    }

    struct Threads: Sendable, Hashable {
        var includesRoots: Bool
        var limit: Int
        /// The name under which it was asked for.
        var name: String
    }

    /// Nil when the extension is not asked for.
    var toDevice: ToDevice?
    var endToEnd = false
    var accountData: Scope?
    var receipts: Scope?
    var typing: Scope?
    var threads: Threads?

    init() {}

    init(_ reader: SlidingReader) throws(QueryRefusal) {
        if let own = try Self.enabled(reader, "to_device") {
            let limit = try own.count("limit") ?? ToDeviceQueries.pageSize
            toDevice = ToDevice(since: try own.string("since"), limit: max(1, min(limit, ToDeviceQueries.pageSize)))
        }
        endToEnd = try Self.enabled(reader, "e2ee") != nil
        if let own = try Self.enabled(reader, "account_data") { accountData = try Scope(own) }
        if let own = try Self.enabled(reader, "receipts") { receipts = try Scope(own) }
        if let own = try Self.enabled(reader, "typing") { typing = try Scope(own) }
        for name in ["threads", "io.element.msc4360.threads"] {
            guard let own = try Self.enabled(reader, name) else { continue }
            threads = Threads(
                includesRoots: try own.flag("include_roots") ?? false,
                limit: max(1, min(try own.count("limit") ?? 100, 100)), name: name)
        }
    }

    /// "The server only processes the extension if this is `true`."
    private static func enabled(_ reader: SlidingReader, _ name: String) throws(QueryRefusal) -> SlidingReader? {
        guard let own = try reader.member(name), try own.flag("enabled") == true else { return nil }
        return own
    }
}
