/// The digests of a batch's payloads in the order of its records, made four at a time.
struct PayloadDigests {
    private var ready: (Hash32, Hash32, Hash32, Hash32) = (.zero, .zero, .zero, .zero)

    /// The digest of the record at `index`; to be asked for each record of `range` in order.
    ///
    /// - Parameter salts: of all records of the range, one after the other.
    mutating func next(
        _ index: Int, of records: UnsafeBufferPointer<NewRecord>, _ range: Range<Int>, salts: UnsafeRawBufferPointer
    ) -> Hash32 {
        let place = index - range.lowerBound
        let lane = place & 3
        let group = index - lane
        let size = RecordLayout.saltSize
        guard group + 4 <= range.upperBound else {
            let salt = UnsafeRawBufferPointer(rebasing: salts[(place * size)..<((place + 1) * size)])
            return records[index].payload.withUnsafeBytes { Hash32.digest(payload: $0, salt: salt) }
        }
        if lane == 0 {
            let four = UnsafeRawBufferPointer(rebasing: salts[(place * size)..<((place + 4) * size)])
            ready = records[group].payload.withUnsafeBytes { first in
                records[group + 1].payload.withUnsafeBytes { second in
                    records[group + 2].payload.withUnsafeBytes { third in
                        records[group + 3].payload.withUnsafeBytes { fourth in
                            Hash32.digests(payloads: (first, second, third, fourth), salts: four)
                        }
                    }
                }
            }
        }
        return switch lane {
        case 0: ready.0
        case 1: ready.1
        case 2: ready.2
        default: ready.3
        }
    }
}
