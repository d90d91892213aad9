extension TapeReader {
    /// Calls `body` with the canonical JSON of the value at `index`, without the members named in `omitted` when it is an
    /// object.
    func canonicalBytes(at index: Int, omitting omitted: [String] = []) -> [UInt8] {
        let room = roomForCanonical(at: index)
        return [UInt8](unsafeUninitializedCapacity: room) { memory, count in
            guard let base = memory.baseAddress else { return }
            count = writeCanonical(at: index, omitting: omitted, to: base)
        }
    }

    /// Appends the canonical JSON of the value at `index`, without the members named in `omitted` when it is an object.
    func writeCanonical(at index: Int, omitting omitted: [String] = [], into bytes: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: roomForCanonical(at: index)) { memory in
            guard let base = memory.baseAddress else { return }
            let count = writeCanonical(at: index, omitting: omitted, to: base)
            bytes.append(contentsOf: UnsafeBufferPointer(start: base, count: count))
        }
    }

    private func roomForCanonical(at index: Int) -> Int {
        var doubles = 0
        if mayHaveDoubles {
            for at in index..<Int(tape[index].next) where tape[at].kind == .double { doubles &+= 1 }
        }
        return Int(tape[index].length) &+ 2 &+ doubles &* CanonicalOutput.bytesForDouble &+ CanonicalOutput.slack
    }

    private func writeCanonical(at index: Int, omitting omitted: [String], to base: UnsafeMutablePointer<UInt8>) -> Int
    {
        var out = CanonicalOutput(source: source, memory: base)
        if tape[index].kind == .object, !omitted.isEmpty {
            writeObject(at: index, omitting: omitted.map(OmittedKey.init), to: &out)
        } else {
            writeValue(at: index, to: &out)
        }
        return out.count
    }

    private func writeValue(at index: Int, to out: inout CanonicalOutput) {
        let entry = tape[index]
        if entry.kind == .string {
            writeString(entry, to: &out)
        } else if entry.flags.contains(.canonical) {
            out.copy(Int(entry.start), Int(entry.length))
        } else if entry.kind == .object {
            writeObject(at: index, omitting: [], to: &out)
        } else if entry.kind == .array {
            writeArray(at: index, to: &out)
        } else {
            writeNumber(at: index, to: &out)
        }
    }

    /// Writes a number whose text is not canonical.
    private func writeNumber(at index: Int, to out: inout CanonicalOutput) {
        var bytes: [UInt8] = []
        if tape[index].kind == .double {
            JSONText.append(double(at: index), to: &bytes)
        } else {
            // The only integer whose text is not canonical is -0.
            JSONText.append(integer(at: index), to: &bytes)
        }
        out.put(bytes)
    }

    private func writeArray(at index: Int, to out: inout CanonicalOutput) {
        out.put(UInt8(ascii: "["))
        let end = Int(tape[index].next)
        var at = index &+ 1
        while at < end {
            if at > index &+ 1 { out.put(UInt8(ascii: ",")) }
            writeValue(at: at, to: &out)
            at = Int(tape[at].next)
        }
        out.put(UInt8(ascii: "]"))
    }

    private func writeObject(at index: Int, omitting omitted: [OmittedKey], to out: inout CanonicalOutput) {
        out.put(UInt8(ascii: "{"))
        var isFirst = true
        forEachKey(ofObjectAt: index) { key in
            if !omitted.isEmpty, omitted.contains(where: { $0.isAt(key, in: self) }) { return }
            if !isFirst { out.put(UInt8(ascii: ",")) }
            isFirst = false
            writeMember(at: key, to: &out)
        }
        out.put(UInt8(ascii: "}"))
    }

    @inline(always)
    private func writeMember(at index: Int, to out: inout CanonicalOutput) {
        let key = tape[index]
        let value = tape[index &+ 1]
        if key.flags.contains(.canonical), value.flags.contains(.canonical) {
            let quotes = value.kind == .string ? 1 : 0
            let start = Int(key.start) &- 1
            let keyEnd = Int(key.start) &+ Int(key.length) &+ 1
            let valueStart = Int(value.start) &- quotes
            let valueLength = Int(value.length) &+ 2 &* quotes
            if valueStart == keyEnd &+ 1 {
                // Only the colon stands between: key and value are one piece.
                out.copy(start, valueStart &- start &+ valueLength)
            } else {
                out.copy(start, keyEnd &- start)
                out.put(UInt8(ascii: ":"))
                out.copy(valueStart, valueLength)
            }
        } else {
            writeString(key, to: &out)
            out.put(UInt8(ascii: ":"))
            writeValue(at: index &+ 1, to: &out)
        }
    }

    @inline(always)
    private func writeString(_ entry: TapeEntry, to out: inout CanonicalOutput) {
        if entry.flags.contains(.canonical) {
            // With its quotation marks.
            out.copy(Int(entry.start) &- 1, Int(entry.length) &+ 2)
        } else {
            out.respell(Int(entry.start), Int(entry.length))
        }
    }
}

/// The name of a member that is not to be written.
private struct OmittedKey {
    let name: String
    let length: Int

    init(_ name: String) {
        self.name = name
        length = name.utf8.count
    }

    func isAt(_ key: Int, in reader: TapeReader) -> Bool {
        let entry = reader.tape[key]
        guard Int(entry.length) == length || entry.flags.contains(.escaped) else { return false }
        return name.withUTF8Bytes { reader.string(at: key, equals: $0) }
    }
}
