/// The section `user_directory`.
package struct UserDirectoryConfiguration: Sendable, Hashable {
    package var isEnabled = true
    /// Whether everybody is shown, and not only those in public rooms and in rooms of the one who asks.
    package var searchesAllUsers = false
    package var prefersLocalUsers = false
    package var showsLockedUsers = false
    package var excludesRemoteUsers = false
}
