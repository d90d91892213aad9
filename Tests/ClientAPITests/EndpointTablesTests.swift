import CanonicalJSON
import Foundation
import Testing

@testable import ClientAPI
@testable import HTTPFront

/// The tables from which bad requests are made have every endpoint that the server serves.
@Suite struct EndpointTablesTests {
    @Test func everyRouteIsInATable() async throws {
        let known = try entries("client-server").union(try entries("beyond-specification"))
        let server = try InProcessServer()
        try #require(server.api.routes.count > 150)
        for route in server.api.routes {
            // The rules of a kind are many paths in the table and one here.
            if route.template.hasSuffix("/pushrules/{path*}") { continue }
            let names = Self.spelledOut(route.template).map { "\(route.method.name) \($0)" }
            #expect(names.contains { known.contains($0) }, "\(route.method.name) \(route.template) is in no table")
        }
    }

    private func entries(_ name: String) throws -> Set<String> {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let bytes = try Data(contentsOf: root.appending(path: "fixtures/endpoints/\(name).json"))
        let table = try #require(try JSONValue.parse(Array(bytes)).arrayValue)
        return Set(
            try table.map { entry in
                let method = try #require(entry["method"]?.stringValue)
                let path = try #require(entry["path"]?.stringValue)
                return try #require(Self.spelledOut(path).map { "\(method) \($0)" }.first)
            })
    }

    /// A path with every version that it may have, and without the names of its parameters.
    private static func spelledOut(_ path: String) -> [String] {
        var paths = [""]
        for segment in path.split(whereSeparator: { $0 == "/" || $0.isWhitespace }) {
            var choices = [String(segment)]
            if segment.hasPrefix("{version:") {
                choices = segment.dropFirst("{version:".count).dropLast().split(separator: "|").map(String.init)
            } else if segment.hasPrefix("{") {
                choices = ["{}"]
            }
            paths = paths.flatMap { start in choices.map { "\(start)/\($0)" } }
        }
        return paths
    }
}
