internal import MatrixEvents
internal import MatrixIdentifiers
internal import TestSupport

/// A network without time or sockets: messages arrive late, in any order, twice or never, as the seed has it.
struct VirtualNetwork {
    enum Message {
        case event(EventID, PDU)
        /// A server lacks events that it has seen named.
        case request([EventID])
    }

    struct Delivery {
        let time: Int
        let serial: Int
        let sender: Int
        let receiver: Int
        let message: Message
    }

    private(set) var random: SeededRandom
    private var waiting: [Delivery] = []
    private var serial = 0
    private(set) var lost = 0
    private(set) var repeated = 0
    /// Pairs of servers that do not reach each other at present.
    private var partitions: Set<[Int]> = []
    /// From now on nothing is lost or late.
    var isHealed = false

    init(random: SeededRandom) {
        self.random = random
    }

    var isQuiet: Bool { waiting.isEmpty }
    var nextTime: Int? { waiting.map(\.time).min() }

    /// Parts two servers, or joins them again.
    mutating func togglePartition(between one: Int, and other: Int) {
        let pair = [min(one, other), max(one, other)]
        if partitions.remove(pair) == nil { partitions.insert(pair) }
    }

    mutating func heal() {
        isHealed = true
        partitions = []
    }

    mutating func send(_ message: Message, from sender: Int, to receiver: Int, at now: Int) {
        guard isHealed || !(partitions.contains([min(sender, receiver), max(sender, receiver)]) || random.oneIn(10))
        else {
            lost += 1
            return
        }
        deliver(message, from: sender, to: receiver, at: now + delay())
        guard !isHealed, random.oneIn(6) else { return }
        repeated += 1
        deliver(message, from: sender, to: receiver, at: now + delay() + 40)
    }

    /// The message that arrives next.
    mutating func receive() -> Delivery? {
        let next = waiting.indices.min { one, other in
            (waiting[one].time, waiting[one].serial) < (waiting[other].time, waiting[other].serial)
        }
        return next.map { waiting.remove(at: $0) }
    }

    /// Mostly short, sometimes so long that much happens meanwhile.
    private mutating func delay() -> Int {
        guard !isHealed else { return 1 }
        return random.oneIn(5) ? 20 + random.below(120) : 1 + random.below(10)
    }

    private mutating func deliver(_ message: Message, from sender: Int, to receiver: Int, at time: Int) {
        serial += 1
        waiting.append(Delivery(time: time, serial: serial, sender: sender, receiver: receiver, message: message))
    }
}
