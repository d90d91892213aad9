import Glibc
import Synchronization

/// The same work on many values, on a bounded number of threads that live as long as the call.
enum ParallelMap {
    /// How many values a thread takes at a time.
    private static let portion = 8

    /// The values transformed, in their order; the caller's thread is one of `threads`.
    ///
    /// A thread that the system refuses is done without: the others do its share.
    static func map<Input: Sendable, Output: Sendable>(
        _ inputs: [Input], threads: Int, _ transform: @escaping @Sendable (Input) -> Output
    ) -> [Output] {
        let portions = (inputs.count &+ portion &- 1) / portion
        let helpers = min(threads, portions) &- 1
        guard helpers > 0 else { return inputs.map(transform) }
        let work = Work(inputs, transform)
        let started = (0..<helpers).compactMap { _ in start { work.run() } }
        work.run()
        for thread in started { pthread_join(thread, nil) }
        return work.outputs
    }

    /// What the threads share.
    private final class Work<Input: Sendable, Output: Sendable>: Sendable {
        private let inputs: [Input]
        private let transform: @Sendable (Input) -> Output
        private let next = Atomic(0)
        private let done = Mutex<[(first: Int, outputs: [Output])]>([])

        init(_ inputs: [Input], _ transform: @escaping @Sendable (Input) -> Output) {
            self.inputs = inputs
            self.transform = transform
        }

        /// Takes portions until none is left.
        func run() {
            while true {
                let first = next.add(ParallelMap.portion, ordering: .relaxed).oldValue
                guard first < inputs.count else { return }
                let last = min(first &+ ParallelMap.portion, inputs.count)
                let outputs = inputs[first..<last].map(transform)
                done.withLock { $0.append((first, outputs)) }
            }
        }

        /// All results in order, when every thread has ended.
        var outputs: [Output] {
            done.withLock { $0.sorted { $0.first < $1.first }.flatMap(\.outputs) }
        }
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    private static func start(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
        var thread = pthread_t()
        let held = Unmanaged.passRetained(Body(body))
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, held.toOpaque())
        guard result == 0 else {
            held.release()
            return nil
        }
        return thread
    }
}
