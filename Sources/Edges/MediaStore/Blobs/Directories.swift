import Glibc

/// What the store does with directories.
enum Directories {
    static func make(_ path: String) throws(MediaFault) {
        var partial = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            partial += (partial.isEmpty || partial == "/" ? "" : "/") + part
            guard mkdir(partial, 0o700) == 0 || errno == EEXIST else { throw .last("creating \(partial)") }
        }
    }

    /// Makes a directory two levels below another, each entry synced: a name that is lost in a power cut takes with it
    /// all that lies below.
    static func makeSynced(_ path: String, below top: String) throws(MediaFault) {
        guard access(path, F_OK) != 0 else { return }
        var partial = top
        for part in path.dropFirst(top.count).split(separator: "/") {
            let parent = partial
            partial += "/" + part
            if mkdir(partial, 0o700) == 0 {
                try sync(parent)
            } else if errno != EEXIST {
                throw .last("creating \(partial)")
            } else {
                // Whoever made it may not have synced it yet.
                try sync(parent)
            }
        }
    }

    static func sync(_ path: String) throws(MediaFault) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last("opening \(path)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .last("syncing \(path)") }
    }

    /// The names in a directory; nil when it is none that can be read.
    static func names(in path: String) -> [String]? {
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Removes a directory of files, if it is there.
    static func remove(_ path: String) {
        for name in names(in: path) ?? [] { unlink(path + "/" + name) }
        rmdir(path)
    }
}
