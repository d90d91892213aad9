import Yams

extension ServerConfiguration {
    /// Searching for messages and for people.
    mutating func readSearch(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        searchEnabled = reader.flag(root, "enable_search") ?? searchEnabled
        guard let directory = reader.mapping(root, "user_directory") else { return }
        let path = "user_directory."
        reader.warnUnknown(
            directory,
            known: ["enabled", "search_all_users", "prefer_local_users", "show_locked_users", "exclude_remote_users"],
            in: path)
        userDirectory.isEnabled = reader.flag(directory, "enabled", in: path) ?? userDirectory.isEnabled
        userDirectory.searchesAllUsers =
            reader.flag(directory, "search_all_users", in: path) ?? userDirectory.searchesAllUsers
        userDirectory.prefersLocalUsers =
            reader.flag(directory, "prefer_local_users", in: path) ?? userDirectory.prefersLocalUsers
        userDirectory.showsLockedUsers =
            reader.flag(directory, "show_locked_users", in: path) ?? userDirectory.showsLockedUsers
        userDirectory.excludesRemoteUsers =
            reader.flag(directory, "exclude_remote_users", in: path) ?? userDirectory.excludesRemoteUsers
    }
}
