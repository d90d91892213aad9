import Glibc

/// A thread of its own for work that blocks, joined before the one who began it goes on.
package final class WorkThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    private var thread: pthread_t = 0
    private let isRunning: Bool

    package init(_ body: @escaping @Sendable () -> Void) {
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        pthread_attr_init(attributes)
        // Trees of JSON are walked by recursion.
        pthread_attr_setstacksize(attributes, 8 << 20)
        let work = Unmanaged.passRetained(Work(body))
        let result = pthread_create(
            &thread, attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        pthread_attr_destroy(attributes)
        attributes.deallocate()
        isRunning = result == 0
        if !isRunning {
            // No thread to be had: the work is done here, before its results are asked for.
            work.takeRetainedValue().body()
        }
    }

    package func join() {
        if isRunning { pthread_join(thread, nil) }
    }
}
