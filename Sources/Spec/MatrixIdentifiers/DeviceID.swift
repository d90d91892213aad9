/// A device ID: any string of 1 to 255 bytes without NUL, since clients may choose their own.
package struct DeviceID: MatrixIdentifier {
    package let rawValue: String

    package init(parsing string: String) throws(IdentifierError) {
        try IdentifierBytes.checkText(string, .deviceID)
        rawValue = string
    }
}
