import StateResolution
import Testing

struct IndexRowTests {
    @Test func laterChangesOfASlotCount() {
        let difference = StateDifference([
            .init(slot: StateSlot(7), event: EventNumber(1)), .init(slot: StateSlot(3), event: nil),
            .init(slot: StateSlot(7), event: EventNumber(2)),
        ])
        #expect(
            difference.changes == [
                .init(slot: StateSlot(3), event: nil), .init(slot: StateSlot(7), event: EventNumber(2)),
            ])
    }
}
