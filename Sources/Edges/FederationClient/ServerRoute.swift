/// Where a server is reached, and what must hold of it there.
package struct ServerRoute: Sendable, Hashable {
    package struct Place: Sendable, Hashable {
        /// A name or an address; of an IPv6 address without its brackets.
        package let host: String
        package let port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    /// In the order in which they are tried.
    package let places: [Place]
    /// What the `Host` field says.
    package let authority: String
    /// What the certificate must be valid for: a name, or an address.
    package let certificateName: String

    package init(places: [Place], authority: String, certificateName: String) {
        self.places = places
        self.authority = authority
        self.certificateName = certificateName
    }
}
