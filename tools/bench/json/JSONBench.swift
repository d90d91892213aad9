import CanonicalJSON

/// Prints how many events of about 1 KB one core parses and writes per second, beside simdjson when its shim is named.
///
/// The contestants take turns in one process and the best of the rounds counts: other work on the machine only ever
/// makes a round slower. Usage: `json-bench [SHIM.so [ROUNDS [NAME]]]`, see
/// `run.sh`; with a name only contestants whose names end so run.
@main
enum JSONBench {
    static func main() throws {
        let arguments = CommandLine.arguments
        let simdjson = arguments.count > 1 ? Simdjson(library: arguments[1]) : nil
        let rounds = arguments.count > 2 ? Int(arguments[2]) ?? 7 : 7
        report(simdjson.map { "simdjson chose \($0.implementation)" } ?? "without simdjson: the shim was not named")
        for event in BenchEvent.all {
            report("\(event.name): \(event.text.count) bytes")
            let text = event.text
            var contest = Contest(rounds: rounds, only: arguments.count > 3 ? arguments[3] : nil)
            try contest.add("parse") { try JSONDocument(parsing: text, limits: .pdu).root.rawRange.upperBound }
            try contest.add("parse + canonical") {
                try JSONDocument(parsing: text, limits: .pdu).root.canonicalBytes().count
            }
            try contest.add("parse + canonical without signatures") {
                var bytes: [UInt8] = []
                bytes.reserveCapacity(text.count)
                let omitted = ["signatures", "unsigned"]
                try JSONDocument(parsing: text, limits: .pdu).root.writeCanonical(into: &bytes, omitting: omitted)
                return bytes.count
            }
            try contest.add("parse + 4 look-ups") {
                let root = try JSONDocument(parsing: text, limits: .pdu).root
                let sender = root["sender"]?.string?.utf8.count ?? 0
                let isMessage = root["type"]?.isString("m.room.message") == true
                return sender + (isMessage ? 1 : 0) + Int(root["depth"]?.integer ?? 0)
                    + (root["content"]?["body"]?.string?.utf8.count ?? 0)
            }
            try contest.add("tree, parse") { try JSONValue.parse(text, limits: .pdu).objectValue?.count ?? 0 }
            try contest.add("tree, parse + canonical") {
                try JSONValue.parse(text, limits: .pdu).canonicalBytes().count
            }
            if let simdjson { try add(simdjson, text, to: &contest) }
            try contest.run()
            for line in contest.lines { report(line) }
            if simdjson != nil {
                compare(contest, "parse", "simdjson, parse")
                compare(contest, "parse", "simdjson, kept document, parse")
                compare(contest, "parse + canonical", "simdjson, parse + canonical")
            }
        }
    }

    /// Adds simdjson's two turns, after checking that both write the same canonical form.
    static func add(_ simdjson: Simdjson, _ text: [UInt8], to contest: inout Contest) throws {
        let count = text.count
        let padded = UnsafeMutablePointer<UInt8>.allocate(capacity: count + simdjson.padding)
        padded.initialize(repeating: 0, count: count + simdjson.padding)
        padded.update(from: text, count: count)
        let out = UnsafeMutablePointer<UInt8>.allocate(capacity: 6 * count + 64)
        let written = simdjson.canonical(padded, count, into: out)
        let ours = try JSONDocument(parsing: text, limits: .pdu).root.canonicalBytes()
        if written < 0 || !ours.elementsEqual(UnsafeBufferPointer(start: out, count: written)) {
            report("THE CANONICAL FORMS DIFFER")
        }
        try contest.add("simdjson, parse") { simdjson.parse(padded, count) }
        try contest.add("simdjson, kept document, parse") { simdjson.parseKept(padded, count) }
        try contest.add("simdjson, parse + canonical") { simdjson.canonical(padded, count, into: out) }
    }

    static func compare(_ contest: Contest, _ one: String, _ other: String) {
        guard let ours = contest.rates[one], let theirs = contest.rates[other] else { return }
        let percent = Int((ours / theirs * 100).rounded())
        report("  ratio, ours \(one) to \(other): \(percent / 100).\(percent % 100 < 10 ? "0" : "")\(percent % 100)")
    }

    static func report(_ line: String) {
        print(line)
    }
}
