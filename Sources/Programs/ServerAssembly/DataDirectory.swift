package import Configuration
import Glibc

/// Where a server keeps its data: `log/` is the truth, `views/` can be thrown away.
package struct DataDirectory: Sendable {
    package let root: String

    package init(root: String) { self.root = root }

    package init(configuration: ServerConfiguration) { root = configuration.dataDirectory }

    package var log: String { root + "/log" }
    package var views: String { root + "/views" }
    /// The search index, which can be thrown away too.
    package var search: String { root + "/search" }
    /// The running server's control socket.
    package var controlSocket: String { root + "/engram.sock" }

    /// Why a file or directory could not be made or written, with what to do.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(_ description: String) { self.description = description }
    }

    /// Makes a directory and its parents, readable by the owner only.
    package static func makeDirectories(_ path: String) throws {
        var partial = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            partial += (partial.isEmpty || partial == "/" ? "" : "/") + part
            if mkdir(partial, 0o700) == 0 || errno == EEXIST { continue }
            let reason = String(cString: strerror(errno))
            throw Failure(
                "cannot create the directory \(partial): \(reason). "
                    + "Name a directory that this user may write, in data_dir or on the command line.")
        }
        guard access(path.isEmpty ? "." : path, W_OK) == 0 else {
            throw Failure("the directory \(path) is not writable by this user. Change its owner or its mode.")
        }
    }

    /// Removes the socket that a killed server left behind; nobody listens on it once the data is ours.
    package static func removeStaleSocket(_ path: String) { unlink(path) }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The names in a directory; nil when it is none that can be read.
    private static func names(in path: String) -> [String]? {
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

    /// Bytes of all files below a directory, as they lie on the disk.
    package static func bytesOnDisk(_ path: String) -> Int {
        var total = 0
        for name in names(in: path) ?? [] {
            var information = stat()
            let child = path + "/" + name
            guard lstat(child, &information) == 0 else { continue }
            if information.st_mode & S_IFMT == S_IFDIR {
                total += bytesOnDisk(child)
            } else {
                total += Int(information.st_blocks) * 512
            }
        }
        return total
    }

    /// Removes a directory with all that is in it.
    package static func remove(_ path: String) throws {
        for name in names(in: path) ?? [] { try remove(path + "/" + name) }
        guard Glibc.remove(path) == 0 || errno == ENOENT else {
            throw Failure("cannot remove \(path): \(String(cString: strerror(errno))).")
        }
    }
}
