#include "verifier/dns_faults.h"
#include <stdio.h>
#include "base/ascii.h"
#include "base/bytes.h"
#include "verifier/dns_zone_text.h"

enum { STRING_MAX = 64 * 1024 };

struct reader {
    struct span text;
    size_t at;
    unsigned line;
    const char *what; /* the error, when there is one */
    struct bytes string;
};

static bool fail(struct reader *reader, const char *what) { return reader->what = what, false; }

static void skip_space(struct reader *reader) {
    for (; reader->at < reader->text.len && ascii_is_space(reader->text.ptr[reader->at]); reader->at++)
        if (reader->text.ptr[reader->at] == '\n') reader->line++;
}

/* Takes c, with white space before it, when it comes next. */
static bool accept(struct reader *reader, char c) {
    skip_space(reader);
    if (reader->at == reader->text.len || reader->text.ptr[reader->at] != c) return false;
    return reader->at++, true;
}

static bool append_code_point(struct bytes *out, unsigned code) {
    if (code < 0x80) return bytes_append_char(out, (char)code);
    if (code < 0x800)
        return bytes_append_char(out, (char)(0xc0 | code >> 6)) && bytes_append_char(out, (char)(0x80 | (code & 0x3f)));
    return bytes_append_char(out, (char)(0xe0 | code >> 12)) &&
           bytes_append_char(out, (char)(0x80 | (code >> 6 & 0x3f))) &&
           bytes_append_char(out, (char)(0x80 | (code & 0x3f)));
}

/* Four hexadecimal digits; code points above U+FFFF have no place in a name and are refused with the surrogates. */
static bool read_unicode_escape(struct reader *reader) {
    unsigned code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = reader->at < reader->text.len ? ascii_hex_value(reader->text.ptr[reader->at++]) : -1;
        if (digit < 0) return fail(reader, "\\u without four hexadecimal digits");
        code = code << 4 | (unsigned)digit;
    }
    if (code >= 0xd800 && code <= 0xdfff) return fail(reader, "surrogate in a string");
    return append_code_point(&reader->string, code);
}

static bool read_escape(struct reader *reader) {
    static const char letters[] = "\"\\/bfnrt", octets[] = "\"\\/\b\f\n\r\t";
    char letter = reader->at < reader->text.len ? reader->text.ptr[reader->at++] : '\0';
    if (letter == 'u') return read_unicode_escape(reader);
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
    return found != NULL ? bytes_append_char(&reader->string, octets[found - letters])
                         : fail(reader, "unknown escape in a string");
}

static bool read_string(struct reader *reader) {
    bytes_clear(&reader->string);
    if (!accept(reader, '"')) return fail(reader, "a string in double quotes is wanted here");
    while (reader->at < reader->text.len && reader->text.ptr[reader->at] != '"') {
        char c = reader->text.ptr[reader->at++];
        if ((unsigned char)c < ' ') return fail(reader, "control character in a string");
        if (c != '\\')
            bytes_append_char(&reader->string, c);
        else if (!read_escape(reader))
            return reader->what != NULL ? false : fail(reader, "string too long");
    }
    if (reader->string.failed) return fail(reader, "string too long");
    return accept(reader, '"') || fail(reader, "string without its closing quote");
}

/* "name TYPE" into *out. */
static bool read_key(struct reader *reader, struct dns_fault *out) {
    if (!read_string(reader)) return false;
    struct span key = bytes_span(&reader->string);
    size_t type_at = key.len;
    while (type_at > 0 && key.ptr[type_at - 1] != ' ') type_at--;
    if (type_at < 2) return fail(reader, "key is not \"name TYPE\"");
    out->type = dns_zone_text_type(span_after(key, type_at));
    if (out->type == 0) return fail(reader, "key does not end with a record type");
    return dns_name_from_text(span_first(key, type_at - 1), NULL, &out->name) ||
           fail(reader, "key does not start with a domain name");
}

static bool read_value(struct reader *reader, struct dns_fault *out) {
    if (!read_string(reader)) return false;
    struct span value = bytes_span(&reader->string);
    if (span_is(value, dns_status_word(DNS_SERVFAIL))) return out->status = DNS_SERVFAIL, true;
    if (span_is(value, dns_status_word(DNS_TIMEOUT))) return out->status = DNS_TIMEOUT, true;
    return fail(reader, "value is neither \"servfail\" nor \"timeout\"");
}

static bool read_members(struct reader *reader, bool (*add)(void *owner, const struct dns_fault *fault), void *owner) {
    if (accept(reader, '}')) return true;
    do {
        struct dns_fault fault;
        if (!read_key(reader, &fault)) return false;
        if (!accept(reader, ':')) return fail(reader, ": is missing after a key");
        if (!read_value(reader, &fault)) return false;
        if (!add(owner, &fault)) return fail(reader, "no memory for more faults");
    } while (accept(reader, ','));
    return accept(reader, '}') || fail(reader, "neither , nor } after a value");
}

static bool read_object(struct reader *reader, bool (*add)(void *owner, const struct dns_fault *fault), void *owner) {
    if (!accept(reader, '{')) return fail(reader, "not a JSON object");
    if (!read_members(reader, add, owner)) return false;
    skip_space(reader);
    return reader->at == reader->text.len || fail(reader, "text after the object");
}

bool dns_faults_read(struct span text, const char *file, bool (*add)(void *owner, const struct dns_fault *fault),
                     void *owner, char **error) {
    struct reader reader = {.text = text, .line = 1, .string = bytes_with_cap(STRING_MAX)};
    bool good = read_object(&reader, add, owner);
    *error = NULL;
    if (!good && asprintf(error, "%s:%u: %s", file, reader.line, reader.what) < 0) *error = NULL;
    bytes_release(&reader.string);
    return good;
}
