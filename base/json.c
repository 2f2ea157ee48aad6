#include "base/json.h"
#include <assert.h>
#include "base/utf8.h"

struct json json_writer(struct bytes *out) { return (struct json){.out = out}; }

static uint64_t level_bit(const struct json *json) { return (uint64_t)1 << json->depth; }

/* Before each value: the comma that is due. */
static void begin_value(struct json *json) {
    if (json->has_key) {
        json->has_key = false;
        return;
    }
    assert((json->is_object & level_bit(json)) == 0); /* in an object a value needs a key */
    if ((json->is_filled & level_bit(json)) != 0) bytes_append_char(json->out, json->depth == 0 ? '\n' : ',');
    json->is_filled |= level_bit(json);
}

static void open_level(struct json *json, char bracket, bool is_object) {
    begin_value(json);
    bytes_append_char(json->out, bracket);
    json->depth++;
    assert(json->depth < JSON_DEPTH_MAX);
    json->is_filled &= ~level_bit(json);
    json->is_object = is_object ? json->is_object | level_bit(json) : json->is_object & ~level_bit(json);
}

static void close_level(struct json *json, char bracket, bool is_object) {
    assert(json->depth > 0 && !json->has_key && ((json->is_object & level_bit(json)) != 0) == is_object);
    (void)is_object;
    json->depth--;
    bytes_append_char(json->out, bracket);
}

void json_object(struct json *json) { open_level(json, '{', true); }
void json_object_end(struct json *json) { close_level(json, '}', true); }
void json_array(struct json *json) { open_level(json, '[', false); }
void json_array_end(struct json *json) { close_level(json, ']', false); }

static void append_control(struct bytes *out, unsigned code) {
    static const char hex[] = "0123456789abcdef";
    switch (code) {
    case '\n': bytes_append_text(out, "\\n"); return;
    case '\r': bytes_append_text(out, "\\r"); return;
    case '\t': bytes_append_text(out, "\\t"); return;
    default: break;
    }
    bytes_append(out, (struct span){(const char[]){'\\', 'u', '0', '0', hex[code >> 4 & 15], hex[code & 15]}, 6});
}

/* What may stand in a string as it is. */
static bool is_plain(char c) { return (unsigned char)c >= ' ' && (unsigned char)c < 0x7f && c != '"' && c != '\\'; }

/* Writes the character at the start of s, which is not a plain one: returns the octets it has. */
static size_t append_special(struct bytes *out, struct span s) {
    unsigned char first = (unsigned char)s.ptr[0];
    if (first == '"' || first == '\\') {
        bytes_append(out, (struct span){(const char[]){'\\', s.ptr[0]}, 2});
        return 1;
    }
    if (first < 0x80) return append_control(out, first), 1;
    size_t len = utf8_sequence(s);
    if (len == 0) return bytes_append_text(out, "\\ufffd"), 1;
    if (len == 2 && first == 0xc2 && (unsigned char)s.ptr[1] < 0xa0) /* C1 */
        append_control(out, (unsigned char)s.ptr[1]);
    else
        bytes_append(out, span_first(s, len));
    return len;
}

static void append_quoted(struct bytes *out, struct span s) {
    bytes_append_char(out, '"');
    while (s.len > 0) {
        size_t run = 0;
        while (run < s.len && is_plain(s.ptr[run])) run++;
        bytes_append(out, span_first(s, run));
        s = span_after(s, run);
        if (s.len > 0) s = span_after(s, append_special(out, s));
    }
    bytes_append_char(out, '"');
}

void json_key_span(struct json *json, struct span key) {
    assert((json->is_object & level_bit(json)) != 0 && !json->has_key);
    if ((json->is_filled & level_bit(json)) != 0) bytes_append_char(json->out, ',');
    json->is_filled |= level_bit(json);
    append_quoted(json->out, key);
    bytes_append_char(json->out, ':');
    json->has_key = true;
}

void json_key(struct json *json, const char *key) { json_key_span(json, span_of(key)); }

void json_string(struct json *json, struct span value) {
    begin_value(json);
    append_quoted(json->out, value);
}

void json_text(struct json *json, const char *value) {
    if (value == NULL) json_null(json);
    else json_string(json, span_of(value));
}

void json_int(struct json *json, int64_t value) {
    begin_value(json);
    bytes_append_int(json->out, value);
}

void json_uint(struct json *json, uint64_t value) {
    begin_value(json);
    bytes_append_uint(json->out, value);
}

void json_bool(struct json *json, bool value) {
    begin_value(json);
    bytes_append_text(json->out, value ? "true" : "false");
}

void json_null(struct json *json) {
    begin_value(json);
    bytes_append_text(json->out, "null");
}
