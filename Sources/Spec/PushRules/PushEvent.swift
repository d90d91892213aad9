package import CanonicalJSON

/// An event as push rules look at it, in its room. One is made for each event and shared by the rules of all users.
///
/// A class, because what was folded once is kept for the next rule; it must stay on one thread.
package final class PushEvent {
    package let roomID: String
    package let object: JSONObject
    private var folded: [String: FoldedText?] = [:]
    private var arrays: [String: [JSONValue]?] = [:]
    /// Found once, so that a keyword costs each user one look instead of a search through the text.
    private(set) lazy var bodyWords: Set<[UInt32]> = foldedText(at: .body)?.words ?? []
    /// What numbered conditions and rules came to: 0 for not asked yet, 1 for no, 2 for yes.
    private var answers: [UInt8] = []

    /// - Parameter object: the event in the format of clients, with or without `room_id`.
    package init(_ object: JSONObject, roomID: String) {
        self.object = object
        self.roomID = roomID
    }

    package var sender: String { object["sender"]?.stringValue ?? "" }
    package var type: String { object["type"]?.stringValue ?? "" }

    func value(at path: PropertyPath) -> JSONValue? {
        guard let first = path.names.first else { return nil }
        if path.names.count == 1, first.utf8.elementsEqual("room_id".utf8) { return .string(roomID) }
        var value = object[first]
        for name in path.names.dropFirst() {
            guard let inner = value else { return nil }
            value = inner[name]
        }
        return value
    }

    /// "If the property specified by `key` is completely absent from the event, or does not have a string value, then the
    /// condition will not match": nil then.
    func foldedText(at path: PropertyPath) -> FoldedText? {
        if let known = folded[path.text] { return known }
        let text = value(at: path)?.stringValue.map { FoldedText($0) }
        folded[path.text] = .some(text)
        return text
    }

    func array(at path: PropertyPath) -> [JSONValue]? {
        if let known = arrays[path.text] { return known }
        let array = value(at: path)?.arrayValue
        arrays[path.text] = .some(array)
        return array
    }

    /// What a numbered condition or rule came to before, otherwise what `find` says, which is kept.
    func answer(_ number: Int, else find: () throws -> Bool) rethrows -> Bool {
        if number < answers.count, answers[number] > 0 { return answers[number] == 2 }
        let answer = try find()
        while answers.count <= number { answers.append(0) }
        answers[number] = answer ? 2 : 1
        return answer
    }

    /// The users whom `m.mentions` names, for whom default rules may come to something else than for everybody.
    package var mentionedUsers: [String] {
        let users = object["content"]?["m.mentions"]?["user_ids"]?.arrayValue ?? []
        return users.compactMap(\.stringValue)
    }
}
