import ArgumentParser
import CanonicalJSON
import EventLog
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel
import ServerAssembly

/// One event of a graph with the events that it points to.
struct GraphNode {
    let eventID: String
    let label: String
    let position: LogPosition
    let edges: [String]
}

struct InspectAuthChain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "auth-chain", abstract: "Print all events that an event's authorization rests on.")
    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Argument(help: "The event ID.") var event: String
    @Option(name: .long, help: "Also draw the chain into this SVG file.") var svg: String?

    func run() throws {
        let inspection = try Inspection(source)
        var waiting = [event]
        var nodes: [String: GraphNode] = [:]
        while let next = waiting.popLast() {
            guard nodes[next] == nil else { continue }
            let record = try inspection.record(of: next)
            let node = try Graph.node(record, edges: "auth_events")
            nodes[next] = node
            waiting.append(contentsOf: node.edges)
        }
        let chain = nodes.values.sorted { $0.position < $1.position }
        try Graph.show(chain, output: output, svg: svg)
    }
}

struct InspectGraph: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dag", abstract: "Print the last events of a room with the events they follow.")
    @OptionGroup var source: ConfigOption
    @OptionGroup var output: OutputOptions
    @Argument(help: "The room ID.") var room: String
    @Option(name: .long, help: "How many events.") var last: Int = 40
    @Option(name: .long, help: "Also draw the graph into this SVG file.") var svg: String?

    func run() throws {
        let inspection = try Inspection(source)
        guard let head = try inspection.queries.rooms.head(try inspection.room(room)) else { return }
        // The newest of all branches first, so that a fork shows both sides of the same time.
        var waiting: [String: EventRecord] = [:]
        var nodes: [String: GraphNode] = [:]
        func look(at eventID: String) throws {
            guard nodes[eventID] == nil, waiting[eventID] == nil, let id = EventID(eventID),
                let position = try inspection.queries.rooms.eventPosition(id)
            else { return }
            waiting[eventID] = try inspection.log.record(at: position)
        }
        for eventID in head.forwardExtremities { try look(at: eventID) }
        while nodes.count < max(1, last),
            let (eventID, record) = waiting.max(by: { $0.value.position < $1.value.position })
        {
            waiting[eventID] = nil
            let node = try Graph.node(record, edges: "prev_events")
            nodes[eventID] = node
            for edge in node.edges { try look(at: edge) }
        }
        try Graph.show(nodes.values.sorted { $0.position < $1.position }, output: output, svg: svg)
    }
}

enum Graph {
    static func node(_ record: EventRecord, edges name: String) throws -> GraphNode {
        let fact = try PDURecorded(payload: record.payload)
        let pdu = try JSONValue.parse(fact.pdu, limits: .storedPayload)
        let key = pdu["state_key"]?.stringValue
        let verdict = fact.verdict == .accepted ? "" : " (\(fact.verdict))"
        let label = (pdu["type"]?.stringValue ?? "?") + (key.map { $0.isEmpty ? "" : " [\($0)]" } ?? "") + verdict
        return GraphNode(
            eventID: fact.eventID,
            label: label,
            position: record.position,
            // In room versions 1 and 2 an event is named by a pair of its ID and hashes.
            edges: pdu[name]?.arrayValue?.compactMap { $0.stringValue ?? $0.arrayValue?.first?.stringValue } ?? []
        )
    }

    static func show(_ nodes: [GraphNode], output: OutputOptions, svg: String?) throws {
        if let svg {
            try PrivateFile.write(GraphDrawing(nodes: nodes).svg(), to: svg)
            Terminal.note("Drew \(nodes.count) events into \(svg).")
        }
        let json = nodes.map { node -> JSONValue in
            [
                "event_id": .string(node.eventID), "position": .integer(Int64(clamping: node.position.rawValue)),
                "what": .string(node.label), "edges": .array(node.edges.map(JSONValue.string)),
            ]
        }
        let text = nodes.map { "\($0.position)  \($0.eventID)  \($0.label)  <- \($0.edges.joined(separator: " "))" }
        output.show(.array(json), text: text.joined(separator: "\n"))
    }
}

/// Draws a graph of events as SVG: the oldest on top, each event a box, an arrow to each that it points to.
struct GraphDrawing {
    let nodes: [GraphNode]

    private static let boxWidth = 330
    private static let boxHeight = 38
    private static let gapX = 30
    private static let gapY = 34

    func svg() -> String {
        let rows = layers()
        let widest = rows.map(\.count).max() ?? 1
        let width = widest * (Self.boxWidth + Self.gapX) + Self.gapX
        let height = rows.count * (Self.boxHeight + Self.gapY) + Self.gapY
        var places: [String: (x: Int, y: Int)] = [:]
        for (row, members) in rows.enumerated() {
            let used = members.count * (Self.boxWidth + Self.gapX) - Self.gapX
            for (column, node) in members.enumerated() {
                let x = (width - used) / 2 + column * (Self.boxWidth + Self.gapX)
                places[node.eventID] = (x, Self.gapY + row * (Self.boxHeight + Self.gapY))
            }
        }
        var out = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" font-family="sans-serif">
            <defs><marker id="a" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">
            <path d="M0,0 L8,4 L0,8 z" fill="#667"/></marker></defs>
            <rect width="100%" height="100%" fill="#fcfcfa"/>

            """
        for node in nodes {
            guard let from = places[node.eventID] else { continue }
            for edge in node.edges {
                guard let to = places[edge] else { continue }
                let middle = Self.boxWidth / 2
                out += "<line x1=\"\(from.x + middle)\" y1=\"\(from.y)\" x2=\"\(to.x + middle)\" "
                out += "y2=\"\(to.y + Self.boxHeight)\" stroke=\"#667\" marker-end=\"url(#a)\"/>\n"
            }
        }
        for node in nodes {
            guard let place = places[node.eventID] else { continue }
            out += "<rect x=\"\(place.x)\" y=\"\(place.y)\" width=\"\(Self.boxWidth)\" height=\"\(Self.boxHeight)\" "
            out += "rx=\"5\" fill=\"#eef3fb\" stroke=\"#456\"/>\n"
            out +=
                "<text x=\"\(place.x + 8)\" y=\"\(place.y + 16)\" font-size=\"12\">\(escaped(node.label, 48))</text>\n"
            out += "<text x=\"\(place.x + 8)\" y=\"\(place.y + 31)\" font-size=\"10\" fill=\"#567\">"
            out += "\(node.position) \(escaped(node.eventID, 50))</text>\n"
        }
        return out + "</svg>\n"
    }

    /// Rows by the longest way down to an event without edges inside the graph.
    private func layers() -> [[GraphNode]] {
        var level: [String: Int] = [:]
        var rows: [[GraphNode]] = []
        // Sorted by position, every edge points to an earlier node.
        for node in nodes {
            let depth = node.edges.compactMap { level[$0] }.max().map { $0 + 1 } ?? 0
            level[node.eventID] = depth
            while rows.count <= depth { rows.append([]) }
            rows[depth].append(node)
        }
        return rows
    }

    private func escaped(_ text: String, _ limit: Int) -> String {
        var out = ""
        for character in text.prefix(limit) {
            switch character {
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "&": out += "&amp;"
            case "\"": out += "&quot;"
            default: out.append(character)
            }
        }
        return text.count > limit ? out + "…" : out
    }
}
