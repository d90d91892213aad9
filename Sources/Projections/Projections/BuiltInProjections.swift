package import ProjectionEngine

/// All projections, in the order in which each record goes through them.
package var builtInProjections: [any Projection] {
    [
        NamesProjection(), EventsProjection(), TimelineProjection(), RoomStateProjection(), MembershipsProjection(),
        AccountsProjection(), ProfilesProjection(), AccountDataProjection(), ReceiptsProjection(),
        DirectoryProjection(), MediaProjection(),
        PushRulesProjection(), PushersProjection(), MemberCountsProjection(), ServersProjection(),
        RelationsProjection(), ReportsProjection(),
        KeysProjection(), SharingProjection(), ToDeviceProjection(), KeyBackupProjection(),
        AuthIndexProjection(), UserDirectoryProjection(), DelayedEventsProjection(),
        OutsideProjection(),
        ServerKeysProjection(),
    ]
}
