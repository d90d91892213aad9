import Testing

@testable import Reactors

@Suite struct RetryScheduleTests {
    @Test func itWaitsLongerAndLongerUpToABound() {
        var schedule = RetrySchedule()
        #expect(!schedule.isFailing && schedule.notBeforeMs == 0)
        var now: Int64 = 1_000_000
        var delays: [Int64] = []
        for _ in 0..<40 {
            schedule.failed(nowMs: now, spread: 0)
            delays.append(schedule.notBeforeMs - now)
            now = schedule.notBeforeMs
        }
        #expect(delays.prefix(4) == [2_000, 4_000, 8_000, 16_000])
        #expect(delays == delays.sorted() && delays.last == RetrySchedule.longestDelayMs)
        #expect(schedule.downSinceMs == 1_000_000)
        schedule.reset()
        #expect(!schedule.isFailing && schedule.downSinceMs == nil && schedule.notBeforeMs == 0)
    }

    @Test func destinationsComeBackAtDifferentTimes() {
        let times = Set(
            (0...UInt8.max).map { spread -> Int64 in
                var schedule = RetrySchedule()
                for _ in 0..<8 { schedule.failed(nowMs: 0, spread: spread) }
                return schedule.notBeforeMs
            })
        #expect(times.count == 256)
    }

    @Test func whoIsLeftAloneIsAskedWhenThatEnds() {
        var schedule = RetrySchedule()
        schedule.failed(nowMs: 0, spread: 0, leftAloneUntilMs: 50_000)
        #expect(schedule.notBeforeMs == 50_000 && schedule.failures == 1)
        schedule.failed(nowMs: 50_000, spread: 0, leftAloneUntilMs: 60_000)
        #expect(schedule.failures == 1)
        // A clock that is wrong stops nothing for ever.
        schedule.failed(nowMs: 60_000, spread: 0, leftAloneUntilMs: .max)
        #expect(schedule.notBeforeMs == 60_000 + 2 * RetrySchedule.longestDelayMs)
    }
}
