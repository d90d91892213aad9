import CanonicalJSON

/// Prints how many events of about 1 KB one core parses and writes per second.
@main
enum JSONBench {
    static func main() throws {
        let canonical = Array(canonicalEvent.utf8)
        let disordered = Array(disorderedEvent.utf8)
        report("event of \(canonical.count) bytes, canonical as it arrives; \(disordered.count) bytes, disordered")
        for (name, text) in [("canonical", canonical), ("disordered", disordered)] {
            try measure("\(name): tape, parse") {
                try JSONDocument(parsing: text, limits: .pdu).root.rawRange.upperBound
            }
            try measure("\(name): tape, parse + canonical") {
                try JSONDocument(parsing: text, limits: .pdu).root.canonicalBytes().count
            }
            try measure("\(name): tape, parse + canonical without signatures") {
                var bytes: [UInt8] = []
                bytes.reserveCapacity(text.count)
                let omitted = ["signatures", "unsigned"]
                try JSONDocument(parsing: text, limits: .pdu).root.writeCanonical(into: &bytes, omitting: omitted)
                return bytes.count
            }
            try measure("\(name): tape, parse + 4 look-ups") {
                let root = try JSONDocument(parsing: text, limits: .pdu).root
                let sender = root["sender"]?.string?.utf8.count ?? 0
                let isMessage = root["type"]?.isString("m.room.message") == true
                return sender + (isMessage ? 1 : 0) + Int(root["depth"]?.integer ?? 0)
                    + (root["content"]?["body"]?.string?.utf8.count ?? 0)
            }
            try measure("\(name): tree, parse") { try JSONValue.parse(text, limits: .pdu).objectValue?.count ?? 0 }
            try measure("\(name): tree, parse + canonical") {
                try JSONValue.parse(text, limits: .pdu).canonicalBytes().count
            }
        }
    }

    /// Runs `body` for about a second, five times, and prints the best rate.
    static func measure(_ name: String, _ body: () throws -> Int) throws {
        let clock = ContinuousClock()
        var best = 0.0
        var total = 0
        for _ in 0..<5 {
            let start = clock.now
            var rounds = 0
            while clock.now - start < .milliseconds(400) {
                for _ in 0..<1000 { total &+= try body() }
                rounds += 1000
            }
            let seconds = Double((clock.now - start) / .nanoseconds(1)) / 1e9
            best = max(best, Double(rounds) / seconds)
        }
        let rate = String(Int(best))
        let padding = String(repeating: " ", count: max(0, 60 - name.count) + max(0, 9 - rate.count))
        // The total depends on every round, so that none can be left out.
        report("\(name)\(padding)\(rate) events/s\(total == 0 ? "!" : "")")
    }

    static func report(_ line: String) {
        print(line)
    }

    static let content =
        #""content":{"body":"Benchmarks are only as honest as their inputs: this line has \"quotes\", a\nbreak, "#
        + #"an é and 日本語.","format":"org.matrix.custom.html","formatted_body":"<p>Benchmarks are only as honest as "#
        + #"their inputs: this line has a<br>break, an é and 日本語.</p>","m.mentions":{"user_ids":["@bob:example.org"]},"#
        + #""msgtype":"m.text"}"#
    static let edges =
        #""auth_events":["$acR1l0raoZnm60CBwAVgqbZqoO_mYU81xysh1u7XcJk","$31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM","#
        + #""$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg"]"#
    static let previous = #""prev_events":["$X3tzZ9dR0wQ2mIhVw2cVPx7VvO8xQw2eT8mYq8b1zWk"]"#
    static let hashes = #""hashes":{"sha256":"5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos"}"#
    static let signatures =
        #""signatures":{"example.org":{"ed25519:a_Xyz1":"FqfqD8t4h7yXn1iI2dV8bB7Qp1S9dP0n3V8m6Xk4l2w1cG5t0oVq3Yz9uR7e"#
        + #"Hs2Kf6Jb4Lm8Np0Qr2St4Uv6BQ"}}"#

    static let canonicalEvent =
        "{" + edges + "," + content + #","depth":4711,"# + hashes + #","origin_server_ts":1712345678901,"# + previous
        + #","room_id":"!opaque123456789:example.org","sender":"@alice:example.org","# + signatures
        + #","type":"m.room.message"}"#
    static let disorderedEvent =
        #"{"type":"m.room.message","room_id":"!opaque123456789:example.org","sender":"@alice:example.org","# + content
        + "," + hashes + "," + signatures + #","depth":4711,"origin_server_ts":1712345678901,"# + edges + "," + previous
        + "}"
}
