import FuzzTargets
import Glibc

// What libFuzzer calls; `ENGRAM_FUZZ_TARGET` names the target. Compiled and linked by run.sh, outside of the package.

private let target: FuzzTarget = {
    let name = getenv("ENGRAM_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
        print("ENGRAM_FUZZ_TARGET must be one of \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
        exit(2)
    }
    return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    // A copy on the heap, so that the sanitizer sees any access beyond its end.
    let input = [UInt8](UnsafeBufferPointer(start: bytes, count: count))
    if let defect = target.defect(input) {
        print("DEFECT in \(target.name): \(defect)")
        abort()
    }
    return 0
}
