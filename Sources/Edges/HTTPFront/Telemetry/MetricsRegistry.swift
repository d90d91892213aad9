import Synchronization

/// All metrics of the process, by name and labels. Metrics are registered at start and kept by who counts with them,
/// so that counting is one atomic addition.
package final class MetricsRegistry: Sendable {
    private enum Value: Sendable {
        case counter(MetricCounter)
        case gauge(MetricGauge)
        case computed(@Sendable () -> Double)
        case histogram(MetricHistogram)

        var typeName: String {
            switch self {
            case .counter: "counter"
            case .gauge, .computed: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    private struct Series: Sendable {
        let labels: String
        let value: Value
        let hiddenWhenZero: Bool
    }

    private struct Family: Sendable {
        let help: String
        var series: [Series]
    }

    private let families = Mutex<[String: Family]>([:])

    package init() {}

    /// The counter of this name and these labels, made if it is new.
    ///
    /// - Parameter hiddenWhenZero: leaves the series out of the text until it has counted something.
    package func counter(
        _ name: String, help: String, labels: [(String, String)] = [], hiddenWhenZero: Bool = false
    ) -> MetricCounter {
        let value = register(name, help, labels, hiddenWhenZero) { .counter(MetricCounter()) }
        if case .counter(let counter) = value { return counter }
        return MetricCounter()
    }

    /// The gauge of this name and these labels, made if it is new.
    package func gauge(_ name: String, help: String, labels: [(String, String)] = []) -> MetricGauge {
        let value = register(name, help, labels, false) { .gauge(MetricGauge()) }
        if case .gauge(let gauge) = value { return gauge }
        return MetricGauge()
    }

    /// A gauge that is computed when it is asked. The first closure of a name and its labels stays.
    package func gauge(
        _ name: String, help: String, labels: [(String, String)] = [], read: @escaping @Sendable () -> Double
    ) {
        _ = register(name, help, labels, false) { .computed(read) }
    }

    /// The histogram of this name and these labels, made if it is new.
    package func histogram(
        _ name: String, help: String, labels: [(String, String)] = [],
        buckets: [Double] = MetricHistogram.latencyBuckets, hiddenWhenZero: Bool = false
    ) -> MetricHistogram {
        let value = register(name, help, labels, hiddenWhenZero) { .histogram(MetricHistogram(bounds: buckets)) }
        if case .histogram(let histogram) = value { return histogram }
        return MetricHistogram(bounds: buckets)
    }

    /// Everything in Prometheus' text format, version 0.0.4, sorted by name.
    package func prometheusText() -> [UInt8] {
        // Closures of gauges may take locks of their own: they are called outside ours.
        let snapshot = families.withLock { $0 }.sorted { $0.key < $1.key }
        var text = ""
        for (name, family) in snapshot {
            let series = family.series.filter { !$0.hiddenWhenZero || !Self.isZero($0.value) }
            guard let first = series.first else { continue }
            text += "# HELP \(name) \(Self.escaped(family.help, quotes: false))\n"
            text += "# TYPE \(name) \(first.value.typeName)\n"
            for one in series { Self.write(one, name: name, into: &text) }
        }
        return Array(text.utf8)
    }

    private func register(
        _ name: String, _ help: String, _ labels: [(String, String)], _ hiddenWhenZero: Bool, make: () -> Value
    ) -> Value {
        let rendered = labels.map { "\($0.0)=\"\(Self.escaped($0.1, quotes: true))\"" }.joined(separator: ",")
        return families.withLock { families in
            if let known = families[name]?.series.first(where: { $0.labels == rendered }) { return known.value }
            let value = make()
            let series = Series(labels: rendered, value: value, hiddenWhenZero: hiddenWhenZero)
            families[name, default: Family(help: help, series: [])].series.append(series)
            return value
        }
    }

    private static func isZero(_ value: Value) -> Bool {
        switch value {
        case .counter(let counter): counter.value == 0
        case .gauge(let gauge): gauge.value == 0
        case .computed: false
        case .histogram(let histogram): histogram.count == 0
        }
    }

    private static func write(_ series: Series, name: String, into text: inout String) {
        let labels = series.labels.isEmpty ? "" : "{\(series.labels)}"
        switch series.value {
        case .counter(let counter): text += "\(name)\(labels) \(counter.value)\n"
        case .gauge(let gauge): text += "\(name)\(labels) \(gauge.value)\n"
        case .computed(let read): text += "\(name)\(labels) \(number(read()))\n"
        case .histogram(let histogram):
            let (counts, sum) = histogram.read()
            let separator = series.labels.isEmpty ? "" : ","
            var total: UInt64 = 0
            for (index, count) in counts.enumerated() {
                total &+= count
                let bound = index < histogram.bounds.count ? number(histogram.bounds[index]) : "+Inf"
                text += "\(name)_bucket{\(series.labels)\(separator)le=\"\(bound)\"} \(total)\n"
            }
            text += "\(name)_sum\(labels) \(number(sum))\n"
            text += "\(name)_count\(labels) \(total)\n"
        }
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return value.description
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
