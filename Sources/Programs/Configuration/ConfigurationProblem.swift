/// Something in the configuration file that is wrong or of no effect, with its place and the remedy.
package struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
    package let file: String
    /// From 1; 0 when it concerns the whole file.
    package let line: Int
    /// From 1; 0 when it is not known.
    package let column: Int
    /// Such as `rc_login.address.per_second`.
    package let setting: String
    package let what: String

    package init(file: String, line: Int, column: Int = 0, setting: String, what: String) {
        self.file = file
        self.line = line
        self.column = column
        self.setting = setting
        self.what = what
    }

    package var description: String {
        let place = line > 0 ? "\(file):\(line)" + (column > 0 ? ":\(column)" : "") : file
        return setting.isEmpty ? "\(place): \(what)" : "\(place): \(setting): \(what)"
    }
}

/// Why a configuration is refused: every problem, not only the first.
package struct ConfigurationErrors: Error, Sendable, CustomStringConvertible {
    package let problems: [ConfigurationProblem]

    package init(_ problems: [ConfigurationProblem]) { self.problems = problems }

    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
