import CLMDB
import Glibc

extension StoreEnvironment {
    private static let leastExtension = 256 << 10
    private static let mostExtension = 4 << 20
    /// A commit that takes up more than this pays little for the journal, and much for writing every page twice.
    private static let longCommit = 64 << 10
    private static let zeros = [UInt8](repeating: 0, count: 64 << 10)

    /// Writes zeros behind the pages in use before their end comes near. Call between commits, with the writer mutex held.
    ///
    /// A sync of a file that has become longer, or of blocks that were never written to, also makes the file system commit
    /// its journal: that doubles its time and takes thrice the CPU (`tools/bench/log/extension.c`). Blocks allocated by
    /// `fallocate` do not help, for they count as unwritten. No page up to the last one is touched, and what lies behind
    /// it is not read by anyone, so a crash at any point leaves nothing to mend.
    func extendFile() {
        var information = MDB_envinfo()
        mdb_env_info(environment, &information)
        let used = (information.me_last_pgno + 1) * Self.pageBytes
        let growth = used - writerState.pointee.usedBytes
        writerState.pointee.usedBytes = used
        guard growth <= Self.longCommit else { return }
        // Never a larger share of the file than an operator would notice.
        let step = min(max(used / 128, Self.leastExtension), Self.mostExtension) / Self.pageBytes * Self.pageBytes
        guard used + step / 4 > writerState.pointee.writtenBytes else { return }
        var descriptor: Int32 = -1
        mdb_env_get_fd(environment, &descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return }
        let end = max(used, (Int(status.st_size) + Self.pageBytes - 1) / Self.pageBytes * Self.pageBytes)
        writerState.pointee.writtenBytes = end
        guard used + step / 4 > end else { return }
        var next = end
        while next < end + step {
            let written = pwrite(descriptor, Self.zeros, min(Self.zeros.count, end + step - next), off_t(next))
            // A full disk, or a limit, is for the commit to find that needs the room.
            guard written > 0 else { break }
            next += written
        }
        writerState.pointee.writtenBytes = next
    }
    /// Cuts off the zeros behind the last page, so that a stopped store is as long as what it holds: a copy that was cut
    /// short is then told from a whole one. Call with the writer mutex held and no transaction under way.
    func trimFile() {
        guard options.durability == .synced, !options.readOnly, writerState.pointee.fatalFault == nil else { return }
        var information = MDB_envinfo()
        mdb_env_info(environment, &information)
        var descriptor: Int32 = -1
        mdb_env_get_fd(environment, &descriptor)
        var status = stat()
        let used = (information.me_last_pgno + 1) * Self.pageBytes
        guard fstat(descriptor, &status) == 0, Int(status.st_size) > used else { return }
        // Should it be refused, the zeros stay, and harm nothing.
        _ = ftruncate(descriptor, off_t(used))
    }
}
