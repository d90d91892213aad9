import KeyValueStore

/// The body of a record: stream name, actor and cause, each with its length, then the payload.
///
/// It borrows the bytes it was read from.
struct RecordBody {
    let streamName: UnsafeRawBufferPointer
    let actor: UnsafeRawBufferPointer
    let cause: UnsafeRawBufferPointer
    /// The three strings with their lengths, as the chain covers them.
    let texts: UnsafeRawBufferPointer
    let payload: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) throws(ByteFault) {
        var reader = ByteReader(bytes)
        streamName = try reader.readFramedSlice()
        actor = try reader.readFramedSlice()
        cause = try reader.readFramedSlice()
        texts = UnsafeRawBufferPointer(rebasing: bytes[..<reader.offset])
        payload = reader.readRest()
    }
}
