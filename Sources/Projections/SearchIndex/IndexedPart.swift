import CanonicalJSON
import EventLog
import LogEvents
import SearchText

/// What the search index makes of an event.
enum IndexedPart {
    case document(Document)
    case edit(Edit)

    struct Document {
        let key: SearchExpression.Key
        let text: String
    }

    /// A replacement of a message's text.
    struct Edit {
        let target: String
        let text: String
    }

    /// A recorded PDU as far as the index looks at it.
    struct Source {
        let eventID: String
        let roomID: String
        let sender: String
        let originServerTS: Int64
        /// The event it redacts, when that was judged effective.
        let redacts: String?
        /// Nil when there is nothing to search for in it.
        let part: IndexedPart?
    }

    /// Reads a record; nil when it is no event of a room's timeline.
    static func read(_ record: EventRecord) throws -> Source? {
        guard record.kind == .pduRecorded, !record.payload.isEmpty else { return nil }
        let fact = try PDURecorded(payload: record.payload)
        guard fact.verdict == .accepted, !fact.isOutlier else { return nil }
        guard let pdu = try JSONObject.parse(fact.pdu, limits: .stored), let sender = pdu["sender"]?.stringValue else {
            throw PayloadError(kind: "PDURecorded", reason: "the PDU lacks a member")
        }
        return Source(
            eventID: fact.eventID, roomID: fact.roomID, sender: sender,
            originServerTS: pdu["origin_server_ts"]?.integerValue ?? 0, redacts: fact.redacts, part: part(of: pdu))
    }

    /// "The supported keys to search over are: `content.body` in `m.room.message`, `content.name` in `m.room.name`, in
    /// `m.room.topic`, `content.topic` as well as the `body` of the `text/plain` representation in `content['m.topic']`."
    private static func part(of pdu: JSONObject) -> IndexedPart? {
        guard let type = pdu["type"]?.stringValue, let content = pdu["content"]?.objectValue else { return nil }
        let isState = pdu["state_key"] != nil
        switch type {
        case "m.room.message" where !isState: return message(content)
        case "m.room.name" where isState: return document(.name, content["name"]?.stringValue)
        case "m.room.topic" where isState:
            let plain = content["m.topic"]?["m.text"]?.arrayValue?.first { representation in
                let type = representation["mimetype"]?.stringValue
                return type == nil || type == "text/plain"
            }
            let texts = [content["topic"]?.stringValue, plain?["body"]?.stringValue].compactMap { $0 }
            return document(.topic, texts.count == 2 && texts[0] == texts[1] ? texts[0] : texts.joined(separator: "\n"))
        default: return nil
        }
    }

    private static func message(_ content: JSONObject) -> IndexedPart? {
        if let relation = content["m.relates_to"]?.objectValue, relation["rel_type"]?.stringValue == "m.replace" {
            // "The replacement event must have an m.new_content property." One without replaces nothing and says nothing.
            guard let target = relation["event_id"]?.stringValue, let new = content["m.new_content"]?.objectValue else {
                return nil
            }
            return .edit(Edit(target: target, text: SearchWords.spaced(new["body"]?.stringValue ?? "")))
        }
        return document(.body, content["body"]?.stringValue)
    }

    private static func document(_ key: SearchExpression.Key, _ text: String?) -> IndexedPart? {
        guard let text, !text.isEmpty else { return nil }
        return .document(Document(key: key, text: SearchWords.spaced(text)))
    }
}
