/// An address to listen on, as `listeners` names it.
package struct ListenerSetting: Sendable, Hashable {
    package var port: Int
    package var addresses: [String]
    package var isTLS: Bool
    package var xForwarded: Bool
    /// `client`, `federation`, `metrics` …
    package var resources: Set<String>
    /// `http` or `metrics`.
    package var type: String
    /// `path`: a Unix-domain socket instead of a port.
    package var unixPath: String?

    package init(
        port: Int, addresses: [String] = ["127.0.0.1"], isTLS: Bool = false, xForwarded: Bool = false,
        resources: Set<String> = ["client"], type: String = "http", unixPath: String? = nil
    ) {
        self.port = port
        self.addresses = addresses
        self.isTLS = isTLS
        self.xForwarded = xForwarded
        self.resources = resources
        self.type = type
        self.unixPath = unixPath
    }
}
