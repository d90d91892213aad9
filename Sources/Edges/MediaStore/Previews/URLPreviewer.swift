package import CanonicalJSON
import HTTPFront
import OutboundHTTP
import Synchronization

/// Looks at web pages for previews: OpenGraph, oEmbed, and what the page itself shows. Answers are remembered for a while.
package final class URLPreviewer: Sendable {
    /// A picture that a preview shows.
    package struct Picture: Sendable {
        package let content: [UInt8]
        package let contentType: String
    }

    private struct Known {
        var answers: [String: (members: JSONObject, expiresAtMs: Int64)] = [:]
        var underWay: [String: [CheckedContinuation<Void, Never>]] = [:]
    }

    private static let mostAnswers = 2000
    private static let longestPage = 1 << 20
    private static let longestOEmbed = 256 << 10

    private let rules: PreviewRules
    private let client: WebClient
    private let nowMs: @Sendable () -> Int64
    private let known = Mutex(Known())

    package init(rules: PreviewRules, nowMs: @escaping @Sendable () -> Int64) throws {
        self.rules = rules
        self.nowMs = nowMs
        client = try WebClient(policy: rules.addresses, verifiesCertificates: rules.verifiesCertificates)
    }

    package func shutDown() async { await client.shutDown() }

    /// The members of the preview of a URL.
    ///
    /// - Parameter keep: makes media of a picture and answers its `mxc:` URI.
    /// - Throws: `WebFault`; whoever asked the same at the same time looks himself.
    package func preview(
        of text: String, keep: @Sendable (Picture) async throws -> String
    ) async throws -> JSONObject {
        guard let url = WebURL(text) else { throw WebFault.forbiddenURL }
        let name = url.text
        while true {
            if let answer = remembered(name) { return answer }
            if try enter(name) { break }
            await waitFor(name)
            try Task.checkCancellation()
        }
        defer { leave(name) }
        let members = try await look(at: url, keep: keep)
        remember(name, members)
        return members
    }

    // MARK: - What is known

    private func remembered(_ name: String) -> JSONObject? {
        let now = nowMs()
        return known.withLock { known in known.answers[name].flatMap { $0.expiresAtMs > now ? $0.members : nil } }
    }

    private func remember(_ name: String, _ members: JSONObject) {
        let now = nowMs()
        known.withLock { known in
            if known.answers.count >= Self.mostAnswers {
                known.answers = known.answers.filter { $0.value.expiresAtMs > now }
                if known.answers.count >= Self.mostAnswers { known.answers = [:] }
            }
            known.answers[name] = (members, now + rules.lifetimeMs)
        }
    }

    /// Whether the caller is the one to look; otherwise somebody looks already.
    private func enter(_ name: String) throws -> Bool {
        try known.withLock { known in
            guard known.underWay[name] == nil else { return false }
            guard known.underWay.count < rules.concurrency else { throw MatrixError.overloaded }
            known.underWay[name] = []
            return true
        }
    }

    private func leave(_ name: String) {
        for waiter in known.withLock({ $0.underWay.removeValue(forKey: name) ?? [] }) { waiter.resume() }
    }

    private func waitFor(_ name: String) async {
        await withCheckedContinuation { continuation in
            let isUnderWay = known.withLock { known in
                guard known.underWay[name] != nil else { return false }
                known.underWay[name]?.append(continuation)
                return true
            }
            if !isUnderWay { continuation.resume() }
        }
    }

    // MARK: - Looking

    private func look(at url: WebURL, keep: @Sendable (Picture) async throws -> String) async throws -> JSONObject {
        let (answer, place) = try await fetch(
            url, accept: "text/html,application/xhtml+xml,image/*;q=0.8,*/*;q=0.5", limit: rules.maximumBytes)
        let type = Self.essence(answer.contentType)
        if type.hasPrefix("image/") {
            var graph = OpenGraph(PageFacts())
            let name = place.path.split(separator: "/").last.map(String.init)
            if let name { graph.set("og:title", name) }
            try await show(answer, in: &graph, keep)
            return graph.members
        }
        guard type == "text/html" || type == "application/xhtml+xml" else { return JSONObject() }
        let page = Array(answer.body.prefix(Self.longestPage))
        let facts = PageReader.facts(of: PageCharset.utf8(page, contentType: answer.contentType))
        var graph = OpenGraph(facts)
        if let reference = facts.oEmbed, let source = WebURL(reference, relativeTo: place),
            let found = await oEmbed(at: source)
        {
            graph.add(oEmbed: found)
        }
        if let reference = graph.image, let source = WebURL(reference, relativeTo: place) {
            // A preview without its picture is still one.
            if let picture = try? await fetch(source, accept: "image/*", limit: rules.maximumBytes) {
                try await show(picture.answer, in: &graph, keep)
            }
        }
        return graph.members
    }

    private func show(
        _ answer: OutboundAnswer, in graph: inout OpenGraph, _ keep: @Sendable (Picture) async throws -> String
    ) async throws {
        let type = Self.essence(answer.contentType)
        guard type.hasPrefix("image/"), !answer.isCut, !answer.body.isEmpty else { return }
        let header = ImageHeader(answer.body)
        let contentType = header?.format.contentType ?? type
        let uri = try await keep(Picture(content: answer.body, contentType: contentType))
        graph.setImage(uri: uri, contentType: contentType, bytes: answer.body.count, header: header)
    }

    private func oEmbed(at place: WebURL) async -> JSONObject? {
        // Without it there is still the page.
        guard let (answer, _) = try? await fetch(place, accept: "application/json", limit: Self.longestOEmbed),
            !answer.isCut,
            let object = try? JSONObject.parse(answer.body)
        else { return nil }
        return object
    }

    /// Follows where a URL leads, and says where that was. Each step is judged as if it had been asked for.
    private func fetch(
        _ first: WebURL, accept: String, limit: Int
    ) async throws -> (answer: OutboundAnswer, place: WebURL) {
        let end = nowMs() + rules.timeoutMs
        var url = first
        for _ in 0...rules.mostRedirections {
            guard !rules.forbidden.contains(where: { $0.matches(url) }) else { throw WebFault.forbiddenURL }
            let left = end - nowMs()
            guard left > 0 else { throw WebFault.timedOut }
            let fields = [
                (name: "Accept", value: accept),
                (name: "Accept-Language", value: rules.languages.joined(separator: ", ")),
            ]
            let answer = try await client.get(url, fields: fields, limit: limit, timeoutMs: left)
            guard (300..<400).contains(answer.status), let location = answer.location else {
                guard (200..<300).contains(answer.status) else { throw WebFault.status(answer.status) }
                return (answer, url)
            }
            guard let next = WebURL(location, relativeTo: url) else { throw WebFault.forbiddenURL }
            url = next
        }
        throw WebFault.tooManyRedirections
    }

    private static func essence(_ contentType: String) -> String {
        String(contentType.prefix { $0 != ";" }).trimmed.lowercased()
    }
}
