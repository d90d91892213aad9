// simdjson behind four C functions, for the comparison in the benchmark: its DOM parser, reused from text to text, and
// a writer of Matrix canonical JSON over that DOM. The input is lent with the padding that simdjson wants, so that it
// copies nothing.
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

using namespace simdjson;

namespace {

struct Member {
    std::string_view key;
    dom::element value;
};

struct Session {
    dom::parser parser;
    std::vector<Member> members;
    char *out = nullptr;
};

const char *const digits = "0123456789abcdef";

void write_string(Session &session, std::string_view text) {
    char *out = session.out;
    *out++ = '"';
    const char *at = text.data();
    const char *const end = at + text.size();
    while (at < end) {
        const char *run = at;
        // Eight bytes at a time while none must be escaped.
        while (at + 8 <= end) {
            uint64_t word;
            std::memcpy(&word, at, 8);
            const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
            const uint64_t control = word - ones * 0x20;
            const uint64_t quote = (word ^ ones * 0x22) - ones;
            const uint64_t solidus = (word ^ ones * 0x5C) - ones;
            if ((control | quote | solidus) & ~word & high) break;
            at += 8;
        }
        while (at < end && static_cast<unsigned char>(*at) >= 0x20 && *at != '"' && *at != '\\') at++;
        std::memcpy(out, run, at - run);
        out += at - run;
        if (at == end) break;
        const unsigned char byte = *at++;
        *out++ = '\\';
        switch (byte) {
        case '\b': *out++ = 'b'; break;
        case '\t': *out++ = 't'; break;
        case '\n': *out++ = 'n'; break;
        case '\f': *out++ = 'f'; break;
        case '\r': *out++ = 'r'; break;
        case '"':
        case '\\': *out++ = byte; break;
        default:
            std::memcpy(out, "u00", 3);
            out += 3;
            *out++ = digits[byte >> 4];
            *out++ = digits[byte & 15];
        }
    }
    *out++ = '"';
    session.out = out;
}

void write_integer(Session &session, int64_t value) {
    char buffer[20];
    int start = 20;
    uint64_t magnitude = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
    do {
        buffer[--start] = static_cast<char>('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude != 0);
    if (value < 0) *session.out++ = '-';
    std::memcpy(session.out, buffer + start, 20 - start);
    session.out += 20 - start;
}

bool write_value(Session &session, dom::element element);

bool write_object(Session &session, dom::object object) {
    const size_t first = session.members.size();
    for (auto field : object) session.members.push_back({field.key, field.value});
    const auto begin = session.members.begin() + first;
    const auto precedes = [](const Member &one, const Member &other) { return one.key < other.key; };
    if (!std::is_sorted(begin, session.members.end(), precedes)) {
        std::stable_sort(begin, session.members.end(), precedes);
    }
    const size_t end = session.members.size();
    *session.out++ = '{';
    bool is_first = true;
    for (size_t at = first; at < end; at++) {
        // Of equal keys the last wins.
        if (at + 1 < end && session.members[at].key == session.members[at + 1].key) continue;
        if (!is_first) *session.out++ = ',';
        is_first = false;
        write_string(session, session.members[at].key);
        *session.out++ = ':';
        if (!write_value(session, session.members[at].value)) return false;
    }
    *session.out++ = '}';
    session.members.resize(first);
    return true;
}

bool write_value(Session &session, dom::element element) {
    switch (element.type()) {
    case dom::element_type::OBJECT: return write_object(session, element.get<dom::object>().value());
    case dom::element_type::ARRAY: {
        *session.out++ = '[';
        bool is_first = true;
        const dom::array array = element.get<dom::array>().value();
        for (dom::element child : array) {
            if (!is_first) *session.out++ = ',';
            is_first = false;
            if (!write_value(session, child)) return false;
        }
        *session.out++ = ']';
        return true;
    }
    case dom::element_type::STRING: write_string(session, element.get<std::string_view>().value()); return true;
    case dom::element_type::INT64: write_integer(session, element.get<int64_t>().value()); return true;
    case dom::element_type::BOOL: {
        const bool value = element.get<bool>().value();
        std::memcpy(session.out, value ? "true" : "false", value ? 4 : 5);
        session.out += value ? 4 : 5;
        return true;
    }
    case dom::element_type::NULL_VALUE:
        std::memcpy(session.out, "null", 4);
        session.out += 4;
        return true;
    default: return false;
    }
}

}  // namespace

extern "C" {

// How many readable bytes must stand behind the text.
long bench_simdjson_padding(void) { return SIMDJSON_PADDING; }

// Which of its implementations simdjson chose for this processor.
const char *bench_simdjson_implementation(void) {
    static const std::string name = simdjson::get_active_implementation()->name();
    return name.c_str();
}

void *bench_simdjson_open(void) { return new Session(); }

// The number of bytes judged, or -1.
long bench_simdjson_parse(void *opened, const uint8_t *text, long count) {
    Session &session = *static_cast<Session *>(opened);
    dom::element root;
    if (session.parser.parse(text, static_cast<size_t>(count), false).get(root)) return -1;
    return count;
}

// As before, but with memory of its own for each text, as a document needs that outlives the next one; the text is copied
// for the padding, as one that comes without is.
long bench_simdjson_parse_kept(const uint8_t *text, long count) {
    dom::parser parser;
    dom::element root;
    if (parser.parse(text, static_cast<size_t>(count), true).get(root)) return -1;
    return count;
}

// The number of bytes written to `out`, which must have room for six times `count`; -1 for what has no canonical form.
long bench_simdjson_canonical(void *opened, const uint8_t *text, long count, uint8_t *out) {
    Session &session = *static_cast<Session *>(opened);
    dom::element root;
    if (session.parser.parse(text, static_cast<size_t>(count), false).get(root)) return -1;
    session.members.clear();
    session.out = reinterpret_cast<char *>(out);
    if (!write_value(session, root)) return -1;
    return session.out - reinterpret_cast<char *>(out);
}
}
