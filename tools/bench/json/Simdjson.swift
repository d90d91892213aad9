import Glibc

/// simdjson through the shim beside this file, opened at run time so that no build needs the package.
struct Simdjson {
    private typealias Open = @convention(c) () -> UnsafeMutableRawPointer?
    private typealias Padding = @convention(c) () -> Int
    private typealias Name = @convention(c) () -> UnsafePointer<CChar>?
    private typealias Parse = @convention(c) (UnsafeMutableRawPointer, UnsafePointer<UInt8>, Int) -> Int
    private typealias ParseKept = @convention(c) (UnsafePointer<UInt8>, Int) -> Int
    private typealias Canonical =
        @convention(c) (
            UnsafeMutableRawPointer, UnsafePointer<UInt8>, Int, UnsafeMutablePointer<UInt8>
        ) -> Int

    let implementation: String
    let padding: Int
    private let session: UnsafeMutableRawPointer
    private let parseText: Parse
    private let parseOwned: ParseKept
    private let writeText: Canonical

    /// Opens the shim; nil when it is not there.
    init?(library path: String) {
        guard let handle = dlopen(path, RTLD_NOW),
            let open = dlsym(handle, "bench_simdjson_open"),
            let padding = dlsym(handle, "bench_simdjson_padding"),
            let name = dlsym(handle, "bench_simdjson_implementation"),
            let parse = dlsym(handle, "bench_simdjson_parse"),
            let kept = dlsym(handle, "bench_simdjson_parse_kept"),
            let canonical = dlsym(handle, "bench_simdjson_canonical"),
            let session = unsafeBitCast(open, to: Open.self)(),
            let implementation = unsafeBitCast(name, to: Name.self)()
        else { return nil }
        self.session = session
        self.implementation = String(cString: implementation)
        self.padding = unsafeBitCast(padding, to: Padding.self)()
        parseText = unsafeBitCast(parse, to: Parse.self)
        parseOwned = unsafeBitCast(kept, to: ParseKept.self)
        writeText = unsafeBitCast(canonical, to: Canonical.self)
    }

    /// Parses the first `count` bytes of a padded text.
    func parse(_ padded: UnsafePointer<UInt8>, _ count: Int) -> Int { parseText(session, padded, count) }

    /// Parses with memory of its own for this text, as a document needs that is kept.
    func parseKept(_ text: UnsafePointer<UInt8>, _ count: Int) -> Int { parseOwned(text, count) }

    /// Parses and writes the canonical form; returns its length.
    func canonical(_ padded: UnsafePointer<UInt8>, _ count: Int, into out: UnsafeMutablePointer<UInt8>) -> Int {
        writeText(session, padded, count, out)
    }
}
