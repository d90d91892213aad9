package import CanonicalJSON

/// The `history_visibility` of an `m.room.history_visibility` event.
package enum HistoryVisibility: String, Sendable, Hashable, CaseIterable {
    case worldReadable = "world_readable"
    case shared
    case invited
    case joined

    /// "By default if no `history_visibility` is set, or if the value is not understood, the visibility is assumed to be
    /// `shared`."
    package init(content: JSONObject?) {
        let value = content?["history_visibility"]?.stringValue
        self = value.flatMap(HistoryVisibility.init(rawValue:)) ?? .shared
    }
}
