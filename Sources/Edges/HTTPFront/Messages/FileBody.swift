import Glibc

/// An open file, closed when nobody holds it any more.
package final class OpenFile: Sendable {
    package let descriptor: Int32
    /// Its length in bytes when it was opened.
    package let length: Int64

    /// Opens a regular file for reading; nil if there is none. `errno` says why.
    package init?(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        var information = stat()
        guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        length = Int64(information.st_size)
    }

    deinit { close(descriptor) }
}

/// A part of an open file as the body of a response; it is never in memory as a whole.
package struct FileBody: Sendable {
    package let file: OpenFile
    package let offset: Int64
    package let length: Int64

    /// The whole file.
    package init(_ file: OpenFile) {
        self.file = file
        offset = 0
        length = file.length
    }

    /// Bytes of it; they must be there.
    package init(_ file: OpenFile, _ range: Range<Int64>) {
        self.file = file
        offset = range.lowerBound
        length = range.upperBound - range.lowerBound
    }

    /// Reads at most `count` bytes at a place of the body. Nil when the file cannot be read or has become shorter.
    func read(at place: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let wanted = Int(min(Int64(buffer.count), length - place))
        guard wanted > 0 else { return nil }
        while true {
            let count = pread(file.descriptor, buffer.baseAddress, wanted, off_t(offset + place))
            if count > 0 { return count }
            guard count < 0, errno == EINTR else { return nil }
        }
    }
}
