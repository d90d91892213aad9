import Glibc

enum Measurement {
    /// Milliseconds of the processor that a body takes.
    static func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let start = now()
        try body()
        return (now() - start) * 1_000
    }

    /// Seconds of processor time of this thread: other work on the machine is not counted.
    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// The most memory that the process had, in MB.
    static func peakMemory() -> Int {
        // 0 is this process (RUSAGE_SELF), which the C libraries declare as one type and take as another.
        var usage = rusage()
        getrusage(0, &usage)
        return usage.ru_maxrss / 1_024
    }

    static func rounded(_ number: Double) -> Double { (number * 100).rounded() / 100 }
}
