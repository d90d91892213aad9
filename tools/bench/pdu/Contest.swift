import Glibc

/// Several pieces of work that take turns; the best round of each counts.
///
/// Time is that of the thread's processor, so that waiting for it does not count.
struct Contest {
    private let rounds: Int
    private var names: [String] = []
    private var bodies: [() throws -> Int] = []
    /// Runs a second by name.
    private(set) var rates: [String: Double] = [:]

    private let only: String?

    init(rounds: Int, only: String?) {
        self.rounds = rounds
        self.only = only
    }

    /// Adds a contestant and runs it once; each answers a number that depends on all its work.
    mutating func add(_ name: String, _ body: @escaping () throws -> Int) throws {
        if let only, !name.hasSuffix(only) { return }
        names.append(name)
        bodies.append(body)
        _ = try body()
    }

    /// Gives each contestant about 20 ms in each round.
    mutating func run() throws {
        for _ in 0..<rounds {
            for (name, body) in zip(names, bodies) {
                let start = Self.seconds
                var runs = 0
                var total = 0
                var spent = 0.0
                while spent < 0.02 {
                    for _ in 0..<200 { total &+= try body() }
                    runs += 200
                    spent = Self.seconds - start
                }
                // The total depends on every run, so that none can be left out.
                if total == 0 { continue }
                rates[name] = max(rates[name] ?? 0, Double(runs) / spent)
            }
        }
    }

    private static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// One line for each contestant.
    var lines: [String] {
        names.map { name in
            let rate = String(Int(rates[name] ?? 0))
            let padding = String(repeating: " ", count: max(0, 52 - name.count) + max(0, 9 - rate.count))
            return "  \(name)\(padding)\(rate) events/s"
        }
    }
}
