/// The table of all routes: a trie over decoded path segments.
///
/// Literal segments win over parameters, and a parameter wins over a wildcard; where the better match leads
/// nowhere, the next one is tried. Segments are compared by their bytes.
package struct Router: Sendable {
    /// What a method and a path lead to.
    enum Match {
        case found(Int)
        case wrongMethod(allowed: [HTTPMethod])
        case unknownPath
    }

    /// All routes in the order of their registration.
    package let routes: [Route]
    private let nodes: [TrieNode]

    /// The router of these routes. Of two routes with one method and one template the later one holds.
    package init(_ routes: [Route]) {
        self.routes = routes
        var builder = TrieBuilder()
        for (index, route) in routes.enumerated() { builder.add(route, index: index) }
        nodes = builder.nodes
    }

    /// Finds the route of a request.
    ///
    /// A HEAD request is answered by the GET route. One slash at the end of a path is ignored if the path is not
    /// known with it: some clients put it where the specification has none.
    func match(_ method: HTTPMethod, _ segments: [String], resources: Set<String> = []) -> Match {
        var search = Search(
            routes: routes, nodes: nodes, segments: segments, count: segments.count,
            method: method == .head ? .get : method, resources: resources)
        if let found = search.run() { return .found(found) }
        if let last = segments.last, last.isEmpty {
            search.count -= 1
            if let found = search.run() { return .found(found) }
        }
        return search.allowed.isEmpty ? .unknownPath : .wrongMethod(allowed: search.allowed)
    }
}

/// A node of the trie, in a flat array; `children` is sorted by bytes.
private struct TrieNode: Sendable {
    var children: [(literal: String, node: Int)] = []
    var choices: [(choices: [String], node: Int)] = []
    var parameter: Int?
    var here: [(method: HTTPMethod, route: Int)] = []
    var rest: [(method: HTTPMethod, route: Int)] = []

    func child(_ literal: String) -> Int? {
        var low = 0
        var high = children.count
        while low < high {
            let middle = (low + high) / 2
            switch compareBytes(children[middle].literal, literal) {
            case 0: return children[middle].node
            case ..<0: low = middle + 1
            default: high = middle
            }
        }
        return nil
    }
}

/// Compares by length, then by bytes: any total order does.
private func compareBytes(_ left: String, _ right: String) -> Int {
    let difference = left.utf8.count - right.utf8.count
    if difference != 0 { return difference }
    var rightBytes = right.utf8.makeIterator()
    for byte in left.utf8 {
        guard let other = rightBytes.next() else { return 1 }
        if byte != other { return Int(byte) - Int(other) }
    }
    return 0
}

private struct TrieBuilder {
    var nodes = [TrieNode()]

    mutating func add(_ route: Route, index: Int) {
        var node = 0
        for segment in route.segments {
            switch segment {
            case .rest:
                nodes[node].rest.removeAll { $0.method == route.method }
                nodes[node].rest.append((route.method, index))
                return
            case .literal(let literal): node = literalChild(of: node, literal)
            case .parameter(_, let choices) where choices.isEmpty: node = parameterChild(of: node)
            case .parameter(_, let choices): node = choiceChild(of: node, choices)
            }
        }
        nodes[node].here.removeAll { $0.method == route.method }
        nodes[node].here.append((route.method, index))
    }

    private mutating func newNode() -> Int {
        nodes.append(TrieNode())
        return nodes.count - 1
    }

    private mutating func literalChild(of node: Int, _ literal: String) -> Int {
        if let known = nodes[node].child(literal) { return known }
        let added = newNode()
        nodes[node].children.append((literal, added))
        nodes[node].children.sort { compareBytes($0.literal, $1.literal) < 0 }
        return added
    }

    private mutating func parameterChild(of node: Int) -> Int {
        if let known = nodes[node].parameter { return known }
        let added = newNode()
        nodes[node].parameter = added
        return added
    }

    private mutating func choiceChild(of node: Int, _ choices: [String]) -> Int {
        if let known = nodes[node].choices.first(where: { $0.choices == choices }) { return known.node }
        let added = newNode()
        nodes[node].choices.append((choices, added))
        return added
    }
}

/// One walk through the trie.
private struct Search {
    let routes: [Route]
    let nodes: [TrieNode]
    let segments: [String]
    var count: Int
    let method: HTTPMethod
    let resources: Set<String>
    var allowed: [HTTPMethod] = []

    mutating func run() -> Int? { visit(0, depth: 0) }

    private mutating func visit(_ node: Int, depth: Int) -> Int? {
        if depth == count { return pick(nodes[node].here) }
        let segment = segments[depth]
        if let child = nodes[node].child(segment), let found = visit(child, depth: depth + 1) { return found }
        if !segment.isEmpty {
            for (choices, child) in nodes[node].choices
            where choices.contains(where: { compareBytes($0, segment) == 0 }) {
                if let found = visit(child, depth: depth + 1) { return found }
            }
            if let child = nodes[node].parameter, let found = visit(child, depth: depth + 1) { return found }
        }
        return pick(nodes[node].rest)
    }

    private mutating func pick(_ candidates: [(method: HTTPMethod, route: Int)]) -> Int? {
        for (candidate, route) in candidates {
            if !resources.isEmpty, let resource = routes[route].options.resource, !resources.contains(resource) {
                continue
            }
            if candidate == method { return route }
            if !allowed.contains(candidate) { allowed.append(candidate) }
        }
        return nil
    }
}
