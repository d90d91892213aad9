/// What the parameter segments of a route matched, decoded.
package struct PathParameters: Sendable {
    private let names: [String]
    private let places: [Int]
    private let segments: [String]

    /// None.
    package init() {
        names = []
        places = []
        segments = []
    }

    /// Parameters by name and value, for tests.
    package init(_ pairs: [(String, String)]) {
        names = pairs.map(\.0)
        segments = pairs.map(\.1)
        places = Array(segments.indices)
    }

    init(of route: Route, segments: [String]) {
        names = route.parameterNames
        places = route.parameterPlaces
        self.segments = segments
    }

    /// The value of a parameter; empty if the route has none of that name.
    package subscript(_ name: String) -> String {
        for (index, own) in names.enumerated() where own == name {
            let place = places[index]
            // A wildcard is noted by the complement of its place and takes all that follows, joined.
            if place < 0 { return segments.dropFirst(~place).joined(separator: "/") }
            return place < segments.count ? segments[place] : ""
        }
        return ""
    }

    /// Whether the route has a parameter of this name.
    package func contains(_ name: String) -> Bool { names.contains(name) }
}
