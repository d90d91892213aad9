package import CanonicalJSON

/// What a matching rule does.
package struct PushOutcome: Sendable, Hashable {
    /// The rule's actions without those that mean nothing any more.
    package let actions: [JSONValue]
    /// "This causes each matching event to generate a notification."
    package let notifies: Bool
    /// Whether the notification is to stand out.
    package let highlights: Bool
    /// What push gateways get.
    package let tweaks: JSONObject

    package init(actions: [JSONValue]) {
        // "Clients and homeservers MUST ignore these actions […] by stripping them".
        self.actions = actions.filter { action in
            guard let name = action.stringValue else { return true }
            return name == "notify"
        }
        notifies = self.actions.contains { $0.stringValue == "notify" }
        var tweaks = JSONObject()
        for action in self.actions {
            guard let name = action["set_tweak"]?.stringValue else { continue }
            // "If a `highlight` tweak is given with no value, its value is defined to be `true`."
            tweaks[name] = action["value"] ?? (name == "highlight" ? true : nil)
        }
        self.tweaks = tweaks
        highlights = notifies && tweaks["highlight"]?.boolValue == true
    }
}
