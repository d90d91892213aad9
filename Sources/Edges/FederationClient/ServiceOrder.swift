import OutboundHTTP

/// In which order the places of a service are tried (RFC 2782): "A client MUST attempt to contact the target host with the
/// lowest-numbered priority it can reach; target hosts with the same priority SHOULD be tried in an order defined by the
/// weight field."
enum ServiceOrder {
    /// - Parameter random: a number from 0 to 1 for each choice.
    static func of(_ records: [ServiceRecord], random: () -> Double) -> [ServiceRecord] {
        var ordered: [ServiceRecord] = []
        for (_, group) in Dictionary(grouping: records, by: \.priority).sorted(by: { $0.key < $1.key }) {
            // "arrange all SRV RRs […] in any order, except that all those with weight 0 are placed at the beginning of the
            // list."
            var rest = group.sorted { $0.weight < $1.weight }
            while !rest.isEmpty {
                let sum = rest.reduce(0) { $0 + Int($1.weight) }
                // "choose a uniform random number between 0 and the sum computed (inclusive), and select the RR whose
                // running sum value is the first in the selected order which is greater than or equal to the random number".
                let chosen = Int((min(max(random(), 0), 1) * Double(sum)).rounded())
                var running = 0
                let index = rest.firstIndex { record in
                    running += Int(record.weight)
                    return running >= chosen
                }
                ordered.append(rest.remove(at: index ?? 0))
            }
        }
        return ordered
    }
}
