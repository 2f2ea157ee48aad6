#include "verifier/dns_name.h"
#include "base/ascii.h"

/* A name while labels are added to it. */
struct writer {
    struct dns_name *name;
    size_t len;   /* octets written so far */
    size_t label; /* where the length octet of the open label stands */
};

static void open_label(struct writer *writer) { writer->label = writer->len++; }

static bool add_octet(struct writer *writer, uint8_t octet) {
    /* One octet stays free for the root label. */
    if (writer->len - writer->label > DNS_NAME_LABEL_MAX || writer->len >= DNS_NAME_WIRE_MAX - 1) return false;
    writer->name->wire[writer->len++] = (uint8_t)ascii_lower((char)octet);
    return true;
}

static bool close_label(struct writer *writer) {
    size_t len = writer->len - writer->label - 1;
    writer->name->wire[writer->label] = (uint8_t)len;
    return len > 0;
}

static bool end_name(struct writer *writer) {
    if (writer->len >= DNS_NAME_WIRE_MAX) return false;
    writer->name->wire[writer->len++] = 0;
    writer->name->len = (uint8_t)writer->len;
    return true;
}

static bool append_name(struct writer *writer, const struct dns_name *tail) {
    if (tail->len > DNS_NAME_WIRE_MAX - writer->len) return false;
    memcpy(writer->name->wire + writer->len, tail->wire, tail->len);
    writer->name->len = (uint8_t)(writer->len + tail->len);
    return true;
}

/* The octet that the escape at text[*at] stands for; moves *at behind it. */
static bool read_escape(struct span text, size_t *at, uint8_t *octet) {
    size_t left = text.len - *at;
    const char *c = text.ptr + *at + 1;
    if (left < 2) return false;
    if (!ascii_is_digit(*c)) return *octet = (uint8_t)*c, *at += 2, true;
    if (left < 4 || !ascii_is_digit(c[1]) || !ascii_is_digit(c[2])) return false;
    int value = (c[0] - '0') * 100 + (c[1] - '0') * 10 + (c[2] - '0');
    if (value > 255) return false;
    *octet = (uint8_t)value;
    *at += 4;
    return true;
}

bool dns_name_from_text(struct span text, const struct dns_name *origin, struct dns_name *out) {
    struct writer writer = {.name = out};
    if (text.len == 0 || span_is(text, "."))
        return text.len == 0 && origin != NULL ? append_name(&writer, origin) : end_name(&writer);
    bool complete = false;
    open_label(&writer);
    for (size_t at = 0; at < text.len;) {
        uint8_t octet = (uint8_t)text.ptr[at];
        if (octet == '.') {
            at++;
            if (!close_label(&writer) || writer.len >= DNS_NAME_WIRE_MAX) return false;
            complete = at == text.len;
            if (!complete) open_label(&writer);
            continue;
        }
        if (octet != '\\')
            at++;
        else if (!read_escape(text, &at, &octet))
            return false;
        if (!add_octet(&writer, octet)) return false;
    }
    if (!complete && !close_label(&writer)) return false;
    return complete || origin == NULL ? end_name(&writer) : append_name(&writer, origin);
}

static size_t write_octet(uint8_t octet, char *out) {
    if (octet == '.' || octet == '\\') return out[0] = '\\', out[1] = (char)octet, 2;
    if (ascii_is_graph((char)octet)) return out[0] = (char)octet, 1;
    out[0] = '\\';
    out[1] = (char)('0' + octet / 100);
    out[2] = (char)('0' + octet / 10 % 10);
    out[3] = (char)('0' + octet % 10);
    return 4;
}

size_t dns_name_to_text(const struct dns_name *name, char *out) {
    size_t len = 0;
    for (size_t at = 0; name->wire[at] != 0; at += 1u + name->wire[at]) {
        if (at > 0) out[len++] = '.';
        for (size_t i = 1; i <= name->wire[at]; i++) len += write_octet(name->wire[at + i], out + len);
    }
    return len;
}

bool dns_name_unpack(struct span packet, size_t *at, struct dns_name *out) {
    struct writer writer = {.name = out};
    const uint8_t *octets = (const uint8_t *)packet.ptr;
    size_t read = *at,
           least = *at; /* a pointer must go to before the lowest place seen: no loop can do that for ever */
    bool jumped = false;
    for (;;) {
        if (read >= packet.len) return false;
        uint8_t len = octets[read];
        if (len >= 0xc0) {
            if (packet.len - read < 2) return false;
            size_t target = (size_t)(len & 0x3f) << 8 | octets[read + 1];
            if (!jumped) *at = read + 2;
            if (target >= least) return false;
            jumped = true;
            read = least = target;
            continue;
        }
        if (len > DNS_NAME_LABEL_MAX || len > packet.len - read - 1) return false;
        read++;
        if (len == 0) break;
        if (len + 1u > DNS_NAME_WIRE_MAX - 1 - writer.len) return false;
        open_label(&writer);
        for (size_t i = 0; i < len; i++) (void)add_octet(&writer, octets[read + i]); /* fits: looked at above */
        (void)close_label(&writer);
        read += len;
    }
    if (!jumped) *at = read;
    return end_name(&writer);
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b) {
    return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}
