/// One thing that reads bytes from anybody, with what must hold of it for every input.
package struct FuzzTarget: Sendable {
    package let name: String
    /// What is wrong with the reading of an input; nil when nothing is. It must never trap.
    package let defect: @Sendable ([UInt8]) -> String?

    /// Every target, by the name that `run.sh` takes.
    package static let all = [
        FuzzTarget(name: "json", defect: JSONTarget.defect),
        FuzzTarget(name: "json-values", defect: JSONValuesTarget.defect),
        FuzzTarget(name: "pdu", defect: PDUTarget.defect),
        FuzzTarget(name: "membership-events", defect: MembershipEventsTarget.defect),
        FuzzTarget(name: "fields", defect: FieldsTarget.defect),
        FuzzTarget(name: "identifiers", defect: IdentifiersTarget.defect),
        FuzzTarget(name: "redaction", defect: RedactionTarget.defect),
        FuzzTarget(name: "power-levels", defect: PowerLevelsTarget.defect),
        FuzzTarget(name: "content-hash", defect: ContentHashTarget.defect),
        FuzzTarget(name: "server-acl", defect: ServerACLTarget.defect),
        FuzzTarget(name: "push-rules", defect: PushRulesTarget.defect),
        FuzzTarget(name: "filters", defect: FiltersTarget.defect),
        FuzzTarget(name: "pages", defect: PagesTarget.defect),
        FuzzTarget(name: "images", defect: ImagesTarget.defect),
        FuzzTarget(name: "urls", defect: URLsTarget.defect),
        FuzzTarget(name: "http-fields", defect: HTTPFieldsTarget.defect),
        FuzzTarget(name: "sliding-sync", defect: SlidingSyncTarget.defect),
        FuzzTarget(name: "remote-devices", defect: RemoteDevicesTarget.defect),
        FuzzTarget(name: "bodies", defect: BodiesTarget.defect),
        FuzzTarget(name: "x-matrix", defect: XMatrixHeaderTarget.defect),
        FuzzTarget(name: "server-keys", defect: ServerKeysTarget.defect),
        FuzzTarget(name: "service-answers", defect: ServiceAnswerTarget.defect),
    ]
}
