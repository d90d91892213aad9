package import CanonicalJSON

/// What a push gateway is told of an event.
package struct PushNotification: Sendable {
    package let eventID: String
    package let roomID: String
    package let type: String
    package let sender: String
    package let senderDisplayName: String?
    package let roomName: String?
    package let roomAlias: String?
    /// Of a member event.
    package let membership: String?
    /// "This is true if the user receiving the notification is the subject of a member event".
    package let userIsTarget: Bool?
    package let content: JSONObject
    package let tweaks: JSONObject
    /// Whether somebody should look at once; otherwise a phone may sleep on.
    package let isUrgent: Bool
    /// "The number of unread messages a user has across all of the rooms they are a member of."
    package let unread: Int
    /// By the sender's clock, in milliseconds.
    package let sentMs: Int64
}
