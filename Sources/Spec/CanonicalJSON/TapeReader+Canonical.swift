extension TapeReader {
    /// Appends the canonical JSON of the value at `index`; what is canonical in the text already is copied.
    func writeCanonical(at index: Int, into bytes: inout [UInt8]) {
        let entry = tape[index]
        if entry.kind == .string {
            writeCanonicalString(at: index, into: &bytes)
        } else if entry.flags.contains(.canonical) {
            bytes.append(contentsOf: text(at: index))
        } else if entry.kind == .object {
            writeCanonicalObject(at: index, omitting: [], into: &bytes)
        } else if entry.kind == .array {
            writeCanonicalArray(at: index, into: &bytes)
        } else if entry.kind == .double {
            JSONText.append(double(at: index), to: &bytes)
        } else {
            // The only scalar left whose text is not canonical is -0.
            JSONText.append(integer(at: index), to: &bytes)
        }
    }

    /// Appends the object at `index` without the members whose keys are in `omitted`.
    func writeCanonicalObject(at index: Int, omitting omitted: [String], into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        forEachKey(ofObjectAt: index) { key in
            let isOmitted = omitted.contains { $0.withUTF8Bytes { string(at: key, equals: $0) } }
            if isOmitted { return }
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            writeCanonicalString(at: key, into: &bytes)
            bytes.append(UInt8(ascii: ":"))
            writeCanonical(at: key &+ 1, into: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private func writeCanonicalArray(at index: Int, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "["))
        let end = Int(tape[index].next)
        var at = index &+ 1
        while at < end {
            if at > index &+ 1 { bytes.append(UInt8(ascii: ",")) }
            writeCanonical(at: at, into: &bytes)
            at = Int(tape[at].next)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    @inline(__always)
    private func writeCanonicalString(at index: Int, into bytes: inout [UInt8]) {
        let entry = tape[index]
        if entry.flags.contains(.canonical) {
            // With its quotation marks.
            let start = Int(entry.start) &- 1
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: source[start..<start &+ Int(entry.length) &+ 2]))
        } else {
            decoded(at: index).withUnsafeBufferPointer { JSONText.append(quoting: $0, to: &bytes) }
        }
    }
}
