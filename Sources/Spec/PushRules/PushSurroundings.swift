/// What rules ask about the room at the event. Each is asked only when a rule needs it.
package protocol PushSurroundings {
    /// "the current number of members in the room".
    func memberCount() throws -> UInt64
    /// Whether "the sender of the event has high enough power to trigger the notification" of this name.
    func senderMayNotify(_ name: String) throws -> Bool
    /// The name that a user has in the room.
    func displayName(of userID: String) throws -> String?
}
