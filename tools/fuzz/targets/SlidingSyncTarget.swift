internal import CanonicalJSON
internal import Queries

/// Any bytes as the body of a sliding sync.
enum SlidingSyncTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let body: JSONObject
        do throws(JSONError) {
            guard let parsed = try JSONObject.parse(input) else { return nil }
            body = parsed
        } catch {
            return nil
        }
        do throws(QueryRefusal) {
            let request = try SlidingSyncRequest(body, me: "@alice:example.org")
            let again = try SlidingSyncRequest(body, me: "@alice:example.org")
            if request.lists != again.lists || request.subscriptions != again.subscriptions { return "another request" }
            if request.lists.count > SlidingSyncRequest.mostLists { return "too many lists" }
            if request.subscriptions.count > SlidingSyncRequest.mostSubscriptions { return "too many subscriptions" }
            if request.lists.contains(where: { ($0.ranges ?? []).count > SlidingSyncRequest.mostRanges }) {
                return "too many ranges"
            }
            _ = try request.acknowledgedToDevice
        } catch {
            if error.status != 400 { return "refused with \(error.status)" }
        }
        return nil
    }
}
