/// What the configuration says about what other servers may ask.
package struct FederationAPISettings: Sendable {
    /// `allow_profile_lookup_over_federation`.
    package var allowsProfileLookup = true
    /// `allow_public_rooms_over_federation`.
    package var allowsPublicRooms = false
    /// `allow_device_name_lookup_over_federation`.
    package var namesDevices = false

    package init() {}
}
