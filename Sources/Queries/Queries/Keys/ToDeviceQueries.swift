import CanonicalJSON
package import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// Messages that wait for devices.
package struct ToDeviceQueries: Sendable {
    package let views: Views
    /// "100 messages is recommended as a reasonable limit."
    package static let pageSize = 100

    package init(views: Views) {
        self.views = views
    }

    /// Whether a device has messages up to a position that were not acknowledged.
    package func waits(_ user: UserNum, _ deviceID: String, upTo position: LogPosition) throws -> Bool {
        try views.snapshot { snapshot in
            try snapshot.firstToDevice(user, deviceID).map { $0 <= position } ?? false
        }
    }

    /// Where a client's request was recorded before; nil when it was not.
    package func sent(by user: UserID, deviceID: String, transactionID: String) throws -> LogPosition? {
        try views.snapshot { snapshot in
            let key = ViewKeys.toDeviceTransaction(
                user: user.rawValue, deviceID: deviceID, transactionID: transactionID)
            return try snapshot.get(snapshot.tables.toDeviceTransactions, key)?.number(at: 0)
                .map(LogPosition.init(rawValue:))
        }
    }

    /// Whether a message of another server has come before.
    package func received(messageID: String, from origin: ServerName) throws -> Bool {
        try views.snapshot { snapshot in
            let key = ViewKeys.toDeviceReceived(origin: origin.rawValue, messageID: messageID)
            return try snapshot.contains(snapshot.tables.toDeviceReceived, key)
        }
    }

    /// The messages after a position as JSON, at most a page, and the position up to which they reach.
    package func page(
        _ user: UserNum, _ deviceID: String, after position: LogPosition
    ) throws -> (events: [[UInt8]], upTo: LogPosition) {
        try views.snapshot { snapshot in
            let page = try snapshot.toDevicePage(user, deviceID, after: position)
            return (page.events.map { Array($0) }, page.next ?? snapshot.newest)
        }
    }

    /// The devices that the key of a recipient means; `*` is all.
    package func recipients(_ user: UserID, wanted: [String]) throws -> [String] {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return [] }
            let known = try snapshot.keyDeviceIDs(of: number)
            return known.filter { id in wanted.contains { $0.utf8.elementsEqual(id.utf8) } }
        }
    }
}

/// A part of what waits for a device; its bytes live as long as the snapshot.
struct ToDevicePage {
    var events: [UnsafeRawBufferPointer] = []
    /// The position of the last one, when more follow.
    var next: LogPosition?
}

extension Snapshot {
    func firstToDevice(_ user: UserNum, _ deviceID: String) throws -> LogPosition? {
        let prefix = ViewKeys.stock(user, deviceID)
        guard let entry = try firstAtOrAfter(tables.toDeviceMessages, prefix), entry.key.count == 20,
            prefix.withUnsafeBytes({ $0.elementsEqual(entry.key.prefix(12)) })
        else { return nil }
        return entry.key.number(at: 12).map(LogPosition.init(rawValue:))
    }

    /// "in order of arrival"
    func toDevicePage(
        _ user: UserNum, _ deviceID: String, after position: LogPosition, limit: Int = ToDeviceQueries.pageSize
    ) throws -> ToDevicePage {
        var page = ToDevicePage()
        var last: LogPosition?
        try forEach(
            tables.toDeviceMessages, from: ViewKeys.toDevice(user, deviceID, position.next),
            prefix: ViewKeys.stock(user, deviceID)
        ) { key, value in
            if page.events.count == limit {
                page.next = last
                return false
            }
            page.events.append(value)
            last = key.number(at: 12).map(LogPosition.init(rawValue:))
            return true
        }
        return page
    }
}
