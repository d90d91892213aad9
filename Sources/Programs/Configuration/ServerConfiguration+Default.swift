extension ServerConfiguration {
    /// A first configuration, for people to read and change.
    package static func defaultText(
        serverName: String, port: Int, signingKeyPath: String, registrationSharedSecret: String
    ) -> String {
        """
        # Configuration of an Engram homeserver. Every setting is described in docs/operator/configuration.md.
        # Check it with: engram check-config --config homeserver.yaml

        # The part of user IDs and aliases after the colon. It cannot be changed later.
        server_name: "\(serverName)"

        # Where clients reach the server from outside, such as https://matrix.example.org/
        #public_baseurl: https://matrix.example.org/

        # Loopback only: put a reverse proxy with TLS in front, or set tls: true and the two paths below.
        listeners:
          - port: \(port)
            type: http
            tls: false
            x_forwarded: false
            bind_addresses: ["127.0.0.1"]
            resources:
              - names: [client, federation]
        #tls_certificate_path: fullchain.pem
        #tls_private_key_path: privkey.pem

        # The log (the truth) and the projections. Relative to this file.
        data_dir: data
        signing_key_path: "\(signingKeyPath)"
        media_store_path: media

        # Who may make accounts. `engram user add` always works.
        enable_registration: false
        registration_shared_secret: "\(registrationSharedSecret)"

        # Room version of new rooms: "11" or "12".
        default_room_version: "12"

        # Prometheus metrics at /metrics on listeners of type metrics, and on all others too when true.
        enable_metrics: false

        """
    }
}
