#include "proxy/xforward.h"
#include <arpa/inet.h>
#include "base/ascii.h"

enum {
    COMMAND_MAX = 512, /* octets with CRLF: RFC 5321 section 4.5.3.1.4 */
    VALUE_MAX = 480,   /* octets of one encoded value, so that a command holds it */
};
#define IPV6_PREFIX "IPV6:"
#define UNAVAILABLE "[UNAVAILABLE]"
#define TEMPUNAVAIL "[TEMPUNAVAIL]"

#define X(id, word, commands) [id] = word,
static const char *const words[] = {XFORWARD_ATTRIBUTES(X)};
#undef X
#define X(id, word, commands) [id] = commands,
static const enum xforward_command carriers[] = {XFORWARD_ATTRIBUTES(X)};
#undef X

const char *xforward_attribute_word(enum xforward_attribute attribute) { return words[attribute]; }

const char *xforward_status_text(enum xforward_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {XFORWARD_STATUSES(X)};
#undef X
    return texts[status];
}

const char *xforward_offer(enum xforward_command command) {
    return command == XCLIENT_COMMAND ? "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
                                      : "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE";
}

static bool carries(enum xforward_command command, enum xforward_attribute attribute) {
    return (carriers[attribute] & command) != 0;
}

static enum xforward_attribute find(enum xforward_command command, struct span word) {
    enum xforward_attribute attribute = 0;
    while (attribute < XFORWARD_COUNT && !(carries(command, attribute) && span_is_nocase(word, words[attribute])))
        attribute++;
    return attribute;
}

static struct span take_word(struct span *rest) {
    size_t len = 0;
    while (rest->len > 0 && ascii_is_wsp(rest->ptr[0])) *rest = span_after(*rest, 1);
    while (len < rest->len && !ascii_is_wsp(rest->ptr[len])) len++;
    struct span word = span_first(*rest, len);
    *rest = span_after(*rest, len);
    return word;
}

unsigned xforward_offer_read(enum xforward_command command, struct span text) {
    unsigned offer = 0;
    for (struct span word; (word = take_word(&text)).len > 0;) {
        enum xforward_attribute attribute = find(command, word);
        if (attribute < XFORWARD_COUNT) offer |= 1u << attribute;
    }
    return offer;
}

static char clean(char c) { return ascii_is_graph(c) || c == ' ' ? c : '?'; }

/* RFC 3461 section 4: "+41" is 'A'. False: bad digits or too long. */
static bool decode_xtext(struct span text, struct forwarded_value *out) {
    out->len = 0;
    for (size_t at = 0; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '+') {
            int high = text.len - at > 2 ? ascii_hex_value(text.ptr[at + 1]) : -1;
            int low = high >= 0 ? ascii_hex_value(text.ptr[at + 2]) : -1;
            if (low < 0) return false;
            c = (char)(high << 4 | low);
            at += 2;
        }
        if (out->len == XFORWARD_VALUE_MAX) return false;
        out->text[out->len++] = clean(c);
    }
    return true;
}

/* An address in any form inet_pton knows becomes the one form inet_ntop writes. */
static bool normalize_address(struct forwarded_value *value) {
    char text[INET6_ADDRSTRLEN] = "", out[INET6_ADDRSTRLEN];
    uint8_t octets[16];
    struct span given = {value->text, value->len};
    struct span prefix = span_of(IPV6_PREFIX);
    if (given.len > prefix.len && span_equal_nocase(span_first(given, prefix.len), prefix))
        given = span_after(given, prefix.len);
    if (given.len >= sizeof text) return false;
    memcpy(text, given.ptr, given.len);
    int family = span_find(given, ':') < given.len ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, octets) != 1 || inet_ntop(family, octets, out, sizeof out) == NULL) return false;
    value->len = (uint8_t)span_of(out).len;
    memcpy(value->text, out, value->len);
    return true;
}

static bool is_port(struct span text) {
    unsigned port = 0;
    if (text.len == 0 || text.len > 5) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i])) return false;
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
    }
    return port <= 65535;
}

static bool is_valid(enum xforward_attribute attribute, struct forwarded_value *value) {
    struct span text = {value->text, value->len};
    switch (attribute) {
    case XFORWARD_ADDR:
    case XFORWARD_DESTADDR: return normalize_address(value);
    case XFORWARD_PORT:
    case XFORWARD_DESTPORT: return is_port(text);
    case XFORWARD_SOURCE: return span_is_nocase(text, "LOCAL") || span_is_nocase(text, "REMOTE");
    default: return true;
    }
}

static enum xforward_status parse_value(enum xforward_attribute attribute, struct span text,
                                        struct forwarded_value *out) {
    *out = (struct forwarded_value){.state = XFORWARD_UNAVAILABLE};
    if (span_is_nocase(text, UNAVAILABLE)) return XFORWARD_OK;
    if (span_is_nocase(text, TEMPUNAVAIL)) {
        out->state = XFORWARD_TEMPUNAVAIL;
        return attribute == XFORWARD_NAME ? XFORWARD_OK : XFORWARD_BAD_VALUE;
    }
    if (text.len == 0 || !decode_xtext(text, out)) return XFORWARD_BAD_VALUE;
    out->state = XFORWARD_KNOWN;
    return is_valid(attribute, out) ? XFORWARD_OK : XFORWARD_BAD_VALUE;
}

enum xforward_status xforward_parse(enum xforward_command command, struct span argument, struct forwarded_client *client) {
    struct forwarded_client next = *client;
    struct span word = take_word(&argument);
    if (word.len == 0) return XFORWARD_SYNTAX;
    for (; word.len > 0; word = take_word(&argument)) {
        size_t equals = span_find(word, '=');
        if (equals == word.len) return XFORWARD_SYNTAX;
        enum xforward_attribute attribute = find(command, span_first(word, equals));
        if (attribute == XFORWARD_COUNT) return XFORWARD_UNKNOWN;
        enum xforward_status status = parse_value(attribute, span_after(word, equals + 1), &next.value[attribute]);
        if (status != XFORWARD_OK) return status;
    }
    *client = next;
    return XFORWARD_OK;
}

struct span xforward_text(const struct forwarded_client *client, enum xforward_attribute attribute) {
    const struct forwarded_value *value = &client->value[attribute];
    return (struct span){value->text, value->state == XFORWARD_KNOWN ? value->len : 0};
}

bool xforward_address(const struct forwarded_client *client, uint8_t address[16], bool *is_v4) {
    struct span given = xforward_text(client, XFORWARD_ADDR);
    char text[INET6_ADDRSTRLEN] = "";
    memset(address, 0, 16);
    if (given.len == 0 || given.len >= sizeof text) return false;
    memcpy(text, given.ptr, given.len);
    *is_v4 = span_find(given, ':') == given.len;
    return inet_pton(*is_v4 ? AF_INET : AF_INET6, text, address) == 1;
}

void xforward_set(struct forwarded_client *client, enum xforward_attribute attribute, struct span text) {
    struct forwarded_value *value = &client->value[attribute];
    *value = (struct forwarded_value){.state = XFORWARD_UNAVAILABLE};
    for (size_t i = 0; i < text.len && i < XFORWARD_VALUE_MAX; i++) value->text[value->len++] = clean(text.ptr[i]);
    if (value->len > 0 && is_valid(attribute, value)) value->state = XFORWARD_KNOWN;
}

/* Appends xtext of at most VALUE_MAX octets, cut between characters. */
static void encode(struct bytes *out, struct span text) {
    static const char digits[] = "0123456789ABCDEF";
    size_t start = out->len;
    for (size_t i = 0; i < text.len && out->len - start <= VALUE_MAX - 3 && !out->failed; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (ascii_is_graph((char)c) && c != '+' && c != '=')
            bytes_append_char(out, (char)c);
        else
            bytes_append(out, (struct span){(const char[]){'+', digits[c >> 4], digits[c & 15]}, 3});
    }
}

/* Letters, digits, hyphens and dots: what Postfix takes for a name. */
static bool is_host_name(struct span text) {
    for (size_t i = 0; i < text.len; i++) {
        bool is_dot = text.ptr[i] == '.';
        if (!is_dot && !ascii_is_alnum(text.ptr[i]) && text.ptr[i] != '-' && text.ptr[i] != '_') return false;
        if (is_dot && (i == 0 || text.ptr[i - 1] == '.')) return false;
    }
    return text.len > 0;
}

static bool is_address_attribute(enum xforward_attribute attribute) {
    return attribute == XFORWARD_ADDR || attribute == XFORWARD_DESTADDR;
}

static void write_value(struct bytes *out, enum xforward_attribute attribute, const struct forwarded_value *value) {
    struct span text = {value->text, value->len};
    bytes_append_char(out, ' ');
    bytes_append_text(out, words[attribute]);
    bytes_append_char(out, '=');
    if (value->state == XFORWARD_TEMPUNAVAIL) {
        bytes_append_text(out, TEMPUNAVAIL);
    } else if (value->state != XFORWARD_KNOWN) {
        bytes_append_text(out, UNAVAILABLE);
    } else {
        if (is_address_attribute(attribute) && span_find(text, ':') < text.len) bytes_append_text(out, IPV6_PREFIX);
        encode(out, text);
    }
}

/* Makes *value what XCLIENT can say. False: it is better left out. */
static bool fit_for_xclient(enum xforward_attribute attribute, struct forwarded_value *value) {
    struct span text = {value->text, value->len};
    switch (attribute) {
    case XFORWARD_NAME:
        if (value->state == XFORWARD_KNOWN && !is_host_name(text)) value->state = XFORWARD_UNAVAILABLE;
        return true;
    case XFORWARD_PROTO:
        if (value->state == XFORWARD_KNOWN && span_is_nocase(text, "LMTP"))
            *value = (struct forwarded_value){.state = XFORWARD_KNOWN, .len = 5, .text = "ESMTP"};
        text = (struct span){value->text, value->len};
        return value->state == XFORWARD_KNOWN && (span_is_nocase(text, "SMTP") || span_is_nocase(text, "ESMTP"));
    case XFORWARD_DESTADDR:
    case XFORWARD_DESTPORT: return value->state != XFORWARD_ABSENT;
    default: return true;
    }
}

unsigned xforward_write(enum xforward_command command, struct bytes *out, const struct forwarded_client *client,
                        unsigned offered) {
    const char *verb = command == XCLIENT_COMMAND ? "XCLIENT" : "XFORWARD";
    bool knows = false;
    for (enum xforward_attribute a = 0; a < XFORWARD_COUNT; a++) knows |= client->value[a].state != XFORWARD_ABSENT;
    if (!knows) return 0;

    unsigned commands = 0;
    size_t line_len = COMMAND_MAX; /* no line is open */
    struct bytes pair = bytes_with_cap(COMMAND_MAX);
    for (enum xforward_attribute a = 0; a < XFORWARD_COUNT && !out->failed; a++) {
        struct forwarded_value value = client->value[a];
        if ((offered & 1u << a) == 0 || !carries(command, a)) continue;
        if (command == XCLIENT_COMMAND && !fit_for_xclient(a, &value)) continue;
        bytes_clear(&pair);
        write_value(&pair, a, &value);
        if (pair.failed) out->failed = true;
        if (line_len + pair.len + 2 > COMMAND_MAX) {
            if (commands++ > 0) bytes_append_text(out, "\r\n");
            bytes_append_text(out, verb);
            line_len = span_of(verb).len;
        }
        bytes_append(out, bytes_span(&pair));
        line_len += pair.len;
    }
    if (commands > 0) bytes_append_text(out, "\r\n");
    bytes_release(&pair);
    return commands;
}
