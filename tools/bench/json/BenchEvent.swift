/// An event of about 1 KB in one spelling.
struct BenchEvent {
    let name: String
    let text: [UInt8]

    /// Canonical as it arrives; out of order with white space and escapes; mostly not ASCII.
    static let all = [
        BenchEvent(name: "canonical", text: Array(canonical.utf8)),
        BenchEvent(name: "shuffled", text: Array(shuffled.utf8)),
        BenchEvent(name: "unicode", text: Array(unicode.utf8)),
        BenchEvent(name: "unicode shuffled", text: Array(unicodeShuffled.utf8)),
    ]

    private static let edges =
        #""auth_events":["$acR1l0raoZnm60CBwAVgqbZqoO_mYU81xysh1u7XcJk","$31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM","#
        + #""$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg"]"#
    private static let previous = #""prev_events":["$X3tzZ9dR0wQ2mIhVw2cVPx7VvO8xQw2eT8mYq8b1zWk"]"#
    private static let hashes = #""hashes":{"sha256":"5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos"}"#
    private static let signatures =
        #""signatures":{"example.org":{"ed25519:a_Xyz1":"FqfqD8t4h7yXn1iI2dV8bB7Qp1S9dP0n3V8m6Xk4l2w1cG5t0oVq3Yz9uR7e"#
        + #"Hs2Kf6Jb4Lm8Np0Qr2St4Uv6BQ"}}"#
    private static let content =
        #""content":{"body":"Benchmarks are only as honest as their inputs: this line has \"quotes\", a\nbreak, "#
        + #"an é and 日本語, and some more words.","format":"org.matrix.custom.html","formatted_body":"<p>Benchmarks are "#
        + #"only as honest as their inputs: this line has a<br>break, an é and 日本語, and some more words.</p>","#
        + #""m.mentions":{"user_ids":["@bob:example.org"]},"msgtype":"m.text"}"#
    private static let unicodeContent =
        #""content":{"body":"Тесты честны лишь настолько, насколько честны их данные: \"цитата\", перевод\nстроки. "#
        + #"日本語の文章もここに。","format":"org.matrix.custom.html","formatted_body":"<p>Тесты честны лишь настолько, "#
        + #"насколько честны их данные. 日本語の文章もここに。😀</p>","#
        + #""m.mentions":{"user_ids":["@bob:example.org"]},"msgtype":"m.text"}"#

    private static let canonical =
        "{" + edges + "," + content + #","depth":4711,"# + hashes + #","origin_server_ts":1712345678901,"# + previous
        + #","room_id":"!opaque123456789:example.org","sender":"@alice:example.org","# + signatures
        + #","type":"m.room.message"}"#

    private static let shuffled =
        #"{"type": "m.room.message", "room_id": "!opaque123456789:example.org", "sender": "@alice:example.org", "#
        + #""content": {"msgtype": "m.text", "body": "Benchmarks are only as honest as their inputs: this line has "#
        + #"\"quotes\", a\nbreak, an \u00e9 and \u65e5\u672c\u8a9e, and some more words.", "format": "#
        + #""org.matrix.custom.html", "formatted_body": "<p>Benchmarks are only as honest as their inputs: this line "#
        + #"has a<br>break, an \u00e9 and \u65e5\u672c\u8a9e, and some more words.<\/p>", "m.mentions": {"user_ids": "#
        + #"["@bob:example.org"]}}, "# + hashes + ", " + signatures
        + #", "depth": 4711, "origin_server_ts": 1712345678901, "# + edges + ", " + previous + "}"

    private static let unicode =
        "{" + edges + "," + unicodeContent + #","depth":4711,"# + hashes + #","origin_server_ts":1712345678901,"#
        + previous + #","room_id":"!opaque123456789:example.org","sender":"@alice:example.org","# + signatures
        + #","type":"m.room.message"}"#

    private static let unicodeShuffled =
        #"{"type":"m.room.message","room_id":"!opaque123456789:example.org","sender":"@alice:example.org","#
        + unicodeContent + "," + hashes + "," + signatures + #","depth":4711,"origin_server_ts":1712345678901,"# + edges
        + "," + previous + "}"
}
