package import CanonicalJSON
import Decisions

/// A request's body with errors that name the member.
package struct Body: Sendable {
    package let object: JSONObject

    package init(_ object: JSONObject) {
        self.object = object
    }

    package static func parse(_ bytes: [UInt8], limits: JSONLimits = .clientBody) throws -> JSONObject {
        let object: JSONObject?
        do throws(JSONError) {
            object = try JSONObject.parse(bytes, limits: limits)
        } catch {
            switch error {
            case .tooLarge: throw Rejection.tooLarge(error.message)
            case .tooDeep, .tooManyValues, .numberOutOfRange, .loneSurrogate: throw Rejection.badJSON(error.message)
            default: throw Rejection(400, "M_NOT_JSON", error.message)
            }
        }
        guard let object else { throw Rejection.badJSON("The body must be a JSON object.") }
        return object
    }

    /// Absent and `null` are the same to those who write clients.
    package func value(_ name: String) -> JSONValue? {
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    package func string(_ name: String) throws -> String {
        guard let string = try optionalString(name) else { throw Rejection.missingParam("\(name) is missing.") }
        return string
    }

    package func optionalString(_ name: String) throws -> String? {
        guard let value = value(name) else { return nil }
        guard let string = value.stringValue else { throw Rejection.badJSON("\(name) must be a string.") }
        return string
    }

    package func optionalObject(_ name: String) throws -> JSONObject? {
        guard let value = value(name) else { return nil }
        guard let object = value.objectValue else { throw Rejection.badJSON("\(name) must be an object.") }
        return object
    }

    package func flag(_ name: String, default absent: Bool = false) throws -> Bool {
        guard let value = value(name) else { return absent }
        guard let flag = value.boolValue else { throw Rejection.badJSON("\(name) must be true or false.") }
        return flag
    }

    package func optionalInteger(_ name: String) throws -> Int64? {
        guard let value = value(name) else { return nil }
        guard let number = value.integerValue else { throw Rejection.badJSON("\(name) must be an integer.") }
        return number
    }

    package func strings(_ name: String) throws -> [String] {
        guard let value = value(name) else { throw Rejection.missingParam("\(name) is missing.") }
        let elements = value.arrayValue?.map(\.stringValue)
        guard let elements, elements.allSatisfy({ $0 != nil }) else {
            throw Rejection.badJSON("\(name) must be an array of strings.")
        }
        return elements.compactMap { $0 }
    }

    /// The body as the content of an event: what canonical JSON cannot express is refused.
    package var eventContent: JSONObject {
        get throws {
            guard object.hasOnlyCanonicalNumbers else {
                throw Rejection.badJSON("Numbers in events must be integers in the range ±(2^53 - 1).")
            }
            return object
        }
    }
}
