/// The zstd dictionary that this program compresses new records with.
enum ShippedDictionary {
    static let bytes: [UInt8] = []
}
