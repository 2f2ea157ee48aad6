#include "base/json_fault.h"
#include <stdint.h>
#include "base/ascii.h"

/* What may stand next. */
enum expected { VALUE, VALUE_OR_END, NAME, NAME_OR_END, COLON, COMMA_OR_END };

struct reader {
    struct span text;
    size_t at;
    unsigned depth;
    uint64_t is_object; /* bit n: level n is an object */
    enum expected expected;
};

static void skip_space(struct reader *reader) {
    while (reader->at < reader->text.len && ascii_is_space(reader->text.ptr[reader->at])) reader->at++;
}

static bool in_object(const struct reader *reader) {
    return reader->depth > 0 && (reader->is_object >> (reader->depth - 1) & 1) != 0;
}

/* Behind a value: on the outermost level another one may follow. */
static void value_ends(struct reader *reader) { reader->expected = reader->depth > 0 ? COMMA_OR_END : VALUE; }

/* Behind the opening quote; false: it has no end, or holds a control character. */
static bool skip_string(struct reader *reader) {
    for (; reader->at < reader->text.len; reader->at++) {
        char c = reader->text.ptr[reader->at];
        if (c == '"') return reader->at++, true;
        if (ascii_is_control(c) && c != 0x7f) return false;
        if (c == '\\') reader->at++;
    }
    return false;
}

static bool is_word(char c) { return ascii_is_alnum(c) || c == '-' || c == '+' || c == '.' || c == '_'; }

/* true, false, null, or what looks like a number. */
static bool skip_word(struct reader *reader) {
    size_t start = reader->at;
    while (reader->at < reader->text.len && is_word(reader->text.ptr[reader->at])) reader->at++;
    struct span word = {reader->text.ptr + start, reader->at - start};
    bool good = span_is(word, "true") || span_is(word, "false") || span_is(word, "null") ||
                (word.len > 0 && (ascii_is_digit(word.ptr[0]) || word.ptr[0] == '-'));
    if (!good) reader->at = start;
    return good;
}

static enum json_fault open_level(struct reader *reader, bool is_object) {
    if (reader->depth == JSON_FAULT_DEPTH_MAX) return JSON_FAULT_OTHER;
    uint64_t bit = (uint64_t)1 << reader->depth++;
    reader->is_object = is_object ? reader->is_object | bit : reader->is_object & ~bit;
    reader->expected = is_object ? NAME_OR_END : VALUE_OR_END;
    return JSON_FAULT_NONE;
}

static enum json_fault close_level(struct reader *reader, bool is_object) {
    bool may_end =
        reader->expected == COMMA_OR_END || reader->expected == NAME_OR_END || reader->expected == VALUE_OR_END;
    if (reader->depth == 0 || !may_end || in_object(reader) != is_object) return JSON_FAULT_OTHER;
    reader->depth--;
    value_ends(reader);
    return JSON_FAULT_NONE;
}

static enum json_fault take_string(struct reader *reader) {
    bool is_name = reader->expected == NAME || reader->expected == NAME_OR_END;
    if (reader->expected == COMMA_OR_END) return reader->at--, JSON_FAULT_COMMA;
    if (reader->expected == COLON || !skip_string(reader)) return JSON_FAULT_OTHER;
    if (is_name)
        reader->expected = COLON;
    else
        value_ends(reader);
    return JSON_FAULT_NONE;
}

static enum json_fault take_word(struct reader *reader) {
    if (reader->expected == COMMA_OR_END) return JSON_FAULT_COMMA;
    if (reader->expected == NAME || reader->expected == NAME_OR_END) return JSON_FAULT_BARE_WORD;
    if (reader->expected == COLON) return JSON_FAULT_OTHER;
    if (!skip_word(reader)) return JSON_FAULT_BARE_WORD;
    value_ends(reader);
    return JSON_FAULT_NONE;
}

static enum json_fault take(struct reader *reader) {
    bool wants_value = reader->expected == VALUE || reader->expected == VALUE_OR_END;
    char c = reader->text.ptr[reader->at];
    if (is_word(c)) return take_word(reader);
    reader->at++;
    switch (c) {
    case '"': return take_string(reader);
    case '{':
    case '[':
        if (reader->expected == COMMA_OR_END) return reader->at--, JSON_FAULT_COMMA;
        return wants_value ? open_level(reader, c == '{') : JSON_FAULT_OTHER;
    case '}':
    case ']': return close_level(reader, c == '}');
    case ':':
        if (reader->expected != COLON) return JSON_FAULT_OTHER;
        reader->expected = VALUE;
        return JSON_FAULT_NONE;
    case ',':
        if (reader->expected != COMMA_OR_END) return JSON_FAULT_OTHER;
        reader->expected = in_object(reader) ? NAME : VALUE;
        return JSON_FAULT_NONE;
    default: return JSON_FAULT_OTHER;
    }
}

enum json_fault json_fault_find(struct span text, size_t *line) {
    struct reader reader = {.text = text, .expected = VALUE};
    enum json_fault fault = JSON_FAULT_NONE;
    for (;;) {
        skip_space(&reader);
        if (reader.at == text.len) break;
        fault = take(&reader);
        if (fault != JSON_FAULT_NONE) break;
    }
    if (fault == JSON_FAULT_NONE && (reader.depth > 0 || span_trim(text).len == 0)) fault = JSON_FAULT_OTHER;
    *line = 0;
    if (fault == JSON_FAULT_NONE) return fault;
    while (fault == JSON_FAULT_COMMA && reader.at > 0 && ascii_is_space(text.ptr[reader.at - 1]))
        reader.at--; /* where it should stand */
    *line = 1;
    for (size_t i = 0; i < reader.at && i < text.len; i++) *line += text.ptr[i] == '\n';
    return fault;
}
