import CMedia
import Glibc

/// A program that is run for one job, with bounds on its time and memory.
enum ChildProcess {
    struct Outcome {
        /// The exit status; nil when it was killed.
        var status: Int32?
        var timedOut: Bool
        /// What it said on its way, cut off.
        var message: String
    }

    private static let mostMessageBytes = 2000

    /// Runs a program and waits; the calling thread is blocked meanwhile.
    ///
    /// The limits are set by a shell between fork and exec, so the program never runs without them.
    static func run(
        _ program: String, _ arguments: [String], memoryBytes: Int64, timeoutMs: Int32
    ) throws(MediaFault) -> Outcome {
        var pipe: (Int32, Int32) = (-1, -1)
        let made = withUnsafeMutablePointer(to: &pipe) {
            $0.withMemoryRebound(to: Int32.self, capacity: 2) { pipe2($0, O_CLOEXEC) }
        }
        guard made == 0 else { throw .last("making a pipe") }
        defer { close(pipe.0) }
        let seconds = timeoutMs / 1000 + 1
        let script = "ulimit -c 0; ulimit -v \(memoryBytes >> 10) && ulimit -t \(seconds) && exec \"$0\" \"$@\""
        let child: pid_t
        do throws(MediaFault) {
            child = try spawn(["/bin/sh", "-c", script, program] + arguments, output: pipe.1)
        } catch {
            close(pipe.1)
            throw error
        }
        close(pipe.1)
        let (message, timedOut) = read(pipe.0, timeoutMs: timeoutMs)
        // A program that has closed its output and does not end is as stuck as one that says nothing.
        if timedOut || !hasEnded(child, within: timeoutMs) { kill(-child, SIGKILL) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
        let exited = status & 0x7f == 0
        return Outcome(status: exited ? status >> 8 & 0xff : nil, timedOut: timedOut, message: message)
    }

    private static func hasEnded(_ child: pid_t, within limitMs: Int32) -> Bool {
        var information = siginfo_t()
        for step in 0..<max(1, limitMs) {
            if waitid(P_PID, id_t(child), &information, WEXITED | WNOHANG | WNOWAIT) == 0,
                information.si_signo != 0
            {
                return true
            }
            usleep(step < 20 ? 200 : 1000)
        }
        return false
    }

    private static func spawn(_ command: [String], output: Int32) throws(MediaFault) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        // Neither the log's files nor clients' sockets are any business of the child.
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        let environment = [
            "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "HOME=/nonexistent", "VIPS_CONCURRENCY=1",
            "VIPS_BLOCK_UNTRUSTED=1", "MALLOC_ARENA_MAX=2",
        ]
        var child: pid_t = 0
        let result = withStrings(command) { arguments in
            withStrings(environment) { posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments, $0) }
        }
        guard result == 0 else { throw MediaFault(code: result, operation: "starting a program") }
        return child
    }

    private static func withStrings<R>(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
        for (index, string) in strings.enumerated() { pointers[index] = strdup(string) }
        pointers[strings.count] = nil
        defer {
            for index in strings.indices { free(pointers[index]) }
            pointers.deallocate()
        }
        return body(pointers)
    }

    /// Reads until the child closes its end or the time is up.
    private static func read(_ descriptor: Int32, timeoutMs: Int32) -> (message: String, timedOut: Bool) {
        var message: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1024)
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let end = now.tv_sec * 1000 + now.tv_nsec / 1_000_000 + Int(timeoutMs)
        while true {
            clock_gettime(CLOCK_MONOTONIC, &now)
            let left = end - (now.tv_sec * 1000 + now.tv_nsec / 1_000_000)
            var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = left > 0 ? poll(&request, 1, Int32(clamping: left)) : 0
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else { return (String(decoding: message, as: UTF8.self), true) }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return (String(decoding: message, as: UTF8.self), false) }
            if message.count < mostMessageBytes { message += buffer.prefix(count) }
        }
    }
}
