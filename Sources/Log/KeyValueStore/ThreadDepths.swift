import Glibc

/// How many transactions of which environments the current thread holds.
///
/// One key of the thread library for all environments: there are about a thousand in a process.
final class ThreadDepths {
    /// Only those that are not 0: mostly none or one.
    private var entries: [(environment: Int, depth: Int)] = []

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key) { held in
            if let held { Unmanaged<ThreadDepths>.fromOpaque(held).release() }
        }
        return key
    }()

    private init() {
        entries.reserveCapacity(4)
    }

    /// That of the calling thread.
    static var current: ThreadDepths {
        if let held = pthread_getspecific(key) { return Unmanaged<ThreadDepths>.fromOpaque(held).takeUnretainedValue() }
        let made = ThreadDepths()
        pthread_setspecific(key, Unmanaged.passRetained(made).toOpaque())
        return made
    }

    subscript(environment: Int) -> Int {
        get {
            for entry in entries where entry.environment == environment { return entry.depth }
            return 0
        }
        set {
            for index in entries.indices where entries[index].environment == environment {
                if newValue == 0 { entries.remove(at: index) } else { entries[index].depth = newValue }
                return
            }
            if newValue != 0 { entries.append((environment, newValue)) }
        }
    }
}
