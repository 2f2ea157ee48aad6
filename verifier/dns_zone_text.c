#include "verifier/dns_zone_text.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/ascii.h"
#include "verifier/dns.h"
#include "verifier/dns_packet.h"

struct item {
    struct span raw;
    bool quoted;
}; /* raw: without the quotes, escapes not undone */

struct reader {
    struct span text;
    size_t at;
    unsigned line;       /* of at */
    unsigned entry_line; /* where the entry started: what an error names */
    char what[160];      /* the error, when there is one */
    bool starts_blank;   /* the entry has no owner of its own */
    size_t count;
    struct item item[DNS_ZONE_ITEM_MAX];
    struct dns_name origin;
    bool has_owner, has_default_ttl;
    uint32_t default_ttl_s; /* $TTL, or the last one named */
    bool has_dollar_ttl;
    struct dns_zone_record record;
    char data[DNS_TEXT_MAX], strings[DNS_ZONE_ITEM_MAX];
    size_t data_len, string_count;
};

/* Every type that has a mnemonic (IANA, DNS parameters) and no row in `types`. */
static const char OTHER_TYPES[] = " MD MF MB MG MR NULL WKS HINFO MINFO RP AFSDB X25 ISDN RT NSAP NSAP-PTR SIG KEY "
                                  "PX GPOS LOC NXT EID NIMLOC SRV ATMA"
                                  " NAPTR KX CERT A6 DNAME SINK OPT APL DS SSHFP IPSECKEY RRSIG NSEC DNSKEY DHCID "
                                  "NSEC3 NSEC3PARAM TLSA SMIMEA HIP NINFO RKEY"
                                  " TALINK CDS CDNSKEY OPENPGPKEY CSYNC ZONEMD SVCB HTTPS SPF UINFO UID GID UNSPEC NID "
                                  "L32 L64 LP EUI48 EUI64 URI CAA AVC DOA"
                                  " AMTRELAY RESINFO TA DLV ";

static bool fail(struct reader *reader, const char *what) {
    snprintf(reader->what, sizeof reader->what, "%s", what);
    return false;
}

/* Fails with a word of the file in the text, cut and made printable. */
static bool fail_at(struct reader *reader, struct span word, const char *what) {
    char shown[48];
    size_t len = word.len < sizeof shown - 1 ? word.len : sizeof shown - 1;
    for (size_t i = 0; i < len; i++) shown[i] = ascii_is_graph(word.ptr[i]) || word.ptr[i] == ' ' ? word.ptr[i] : '?';
    shown[len] = '\0';
    snprintf(reader->what, sizeof reader->what, "\"%s\" %s", shown, what);
    return false;
}

/* --- Entries: what stands on one line, or on several in parentheses --- */

static bool add_item(struct reader *reader, size_t start, size_t end, bool quoted) {
    if (reader->count == DNS_ZONE_ITEM_MAX) return fail(reader, "too many items in one entry");
    reader->item[reader->count++] = (struct item){{reader->text.ptr + start, end - start}, quoted};
    return true;
}

static bool ends_word(char c) { return ascii_is_space(c) || c == ';' || c == '(' || c == ')' || c == '"'; }

static bool read_quoted(struct reader *reader) {
    struct span text = reader->text;
    size_t start = ++reader->at;
    for (; reader->at < text.len && text.ptr[reader->at] != '\n'; reader->at++) {
        if (text.ptr[reader->at] == '"') return add_item(reader, start, reader->at++, true);
        if (text.ptr[reader->at] == '\\' && reader->at + 1 < text.len && text.ptr[reader->at + 1] != '\n') reader->at++;
    }
    return fail(reader, "string without its closing quote");
}

static bool read_word(struct reader *reader) {
    struct span text = reader->text;
    size_t start = reader->at;
    for (; reader->at < text.len && !ends_word(text.ptr[reader->at]); reader->at++)
        if (text.ptr[reader->at] == '\\' && reader->at + 1 < text.len && text.ptr[reader->at + 1] != '\n') reader->at++;
    return add_item(reader, start, reader->at, false);
}

/* The next entry into item[], which stays empty for a blank line; false on an error. */
static bool read_entry(struct reader *reader) {
    struct span text = reader->text;
    bool open = false;
    reader->count = 0;
    reader->entry_line = reader->line;
    reader->starts_blank = ascii_is_wsp(text.ptr[reader->at]);
    while (reader->at < text.len) {
        char c = text.ptr[reader->at];
        if (c == ';') {
            reader->at += span_find(span_after(text, reader->at), '\n');
        } else if (c == '"') {
            if (!read_quoted(reader)) return false;
        } else if (c == '(' || c == ')') {
            if (open == (c == '(')) return fail(reader, open ? "( inside of (" : ") without (");
            open = !open;
            reader->at++;
        } else if (c == '\n') {
            reader->at++;
            reader->line++;
            if (!open) return true;
        } else if (ascii_is_space(c)) {
            reader->at++;
        } else if (!read_word(reader)) {
            return false;
        }
    }
    return open ? fail(reader, "( without )") : true;
}

/* --- Parts of an entry --- */

static bool read_name(struct reader *reader, const struct item *item, struct dns_name *out) {
    if (!item->quoted && span_is(item->raw, "@")) return *out = reader->origin, true;
    if (item->raw.len > 0 && dns_name_from_text(item->raw, &reader->origin, out)) return true;
    return fail_at(reader, item->raw, "is no domain name");
}

static uint32_t unit_s(char unit) {
    switch (ascii_lower(unit)) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return 86400;
    case 'w': return 604800;
    }
    return 0;
}

/* "3600", "1h", "1d12h"; at most 2^31 - 1 (RFC 2181 section 8). */
static bool read_seconds(struct span word, uint32_t *out) {
    uint64_t total = 0, number = 0;
    bool has_digit = false;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        if (ascii_is_digit(c)) {
            number = number * 10 + (uint64_t)(c - '0');
            has_digit = true;
        } else {
            if (!has_digit || unit_s(c) == 0) return false;
            total += number * unit_s(c);
            number = 0;
            has_digit = false;
        }
        if (number > INT32_MAX || total > INT32_MAX) return false;
    }
    if (word.len == 0 || !ascii_is_digit(word.ptr[0]) || total + number > INT32_MAX) return false;
    *out = (uint32_t)(total + number);
    return true;
}

/* Appends one octet to the record's data. */
static bool add_data(struct reader *reader, char c) {
    if (reader->data_len == sizeof reader->data) return fail(reader, "TXT record longer than 16384 octets");
    reader->data[reader->data_len++] = c;
    return true;
}

/* A character-string (RFC 1035 section 5.1): escapes undone. */
static bool add_string(struct reader *reader, struct span raw) {
    size_t start = reader->data_len;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '\\') {
            if (++i == raw.len) return fail_at(reader, raw, "ends within an escape");
            c = raw.ptr[i];
            if (ascii_is_digit(c)) {
                unsigned value = 256;
                if (raw.len - i >= 3 && ascii_is_digit(raw.ptr[i + 1]) && ascii_is_digit(raw.ptr[i + 2]))
                    value = (unsigned)(c - '0') * 100 + (unsigned)(raw.ptr[i + 1] - '0') * 10 +
                            (unsigned)(raw.ptr[i + 2] - '0');
                if (value > 255) return fail_at(reader, raw, "has an escape that is not \\000 to \\255");
                c = (char)value;
                i += 2;
            }
        }
        if (!add_data(reader, c)) return false;
    }
    if (reader->data_len - start > 255)
        return fail(reader, "string longer than 255 octets: split it into several strings");
    reader->strings[reader->string_count++] = (char)(reader->data_len - start);
    return true;
}

static bool add_name(struct reader *reader, const struct item *item) {
    char text[DNS_NAME_TEXT_MAX];
    struct dns_name name;
    if (!read_name(reader, item, &name)) return false;
    size_t len = dns_name_to_text(&name, text);
    memcpy(reader->data + reader->data_len, text, len); /* room: MX's two octets at most stand before it */
    reader->data_len += len;
    return true;
}

static bool read_address(struct reader *reader, struct span word, int family, size_t len) {
    char text[INET6_ADDRSTRLEN] = "";
    if (word.len < sizeof text && span_find(word, '\0') == word.len) memcpy(text, word.ptr, word.len);
    if (inet_pton(family, text, reader->data) != 1)
        return fail_at(reader, word, family == AF_INET ? "is no IPv4 address" : "is no IPv6 address");
    reader->data_len = len;
    return true;
}

/* --- The data of each type; items start at the first behind the type --- */

static bool read_a(struct reader *reader, const struct item *item, size_t count) {
    (void)count;
    return read_address(reader, item[0].raw, AF_INET, 4);
}

static bool read_aaaa(struct reader *reader, const struct item *item, size_t count) {
    (void)count;
    return read_address(reader, item[0].raw, AF_INET6, 16);
}

static bool read_target(struct reader *reader, const struct item *item, size_t count) {
    (void)count;
    return add_name(reader, &item[0]);
}

static bool read_mx(struct reader *reader, const struct item *item, size_t count) {
    uint32_t preference;
    (void)count;
    if (!read_seconds(item[0].raw, &preference) || preference > 65535 ||
        unit_s(item[0].raw.ptr[item[0].raw.len - 1]) != 0)
        return fail_at(reader, item[0].raw, "is no preference from 0 to 65535");
    reader->data[0] = (char)(preference >> 8);
    reader->data[1] = (char)(preference & 255);
    reader->data_len = 2;
    return add_name(reader, &item[1]);
}

static bool read_txt(struct reader *reader, const struct item *item, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!add_string(reader, item[i].raw)) return false;
    return true;
}

/* Of SOA only the negative TTL is wanted; the rest must still be what it should. */
static bool read_soa(struct reader *reader, const struct item *item, size_t count) {
    struct dns_name name;
    uint32_t number_s = 0;
    if (!read_name(reader, &item[0], &name) || !read_name(reader, &item[1], &name)) return false;
    for (size_t i = 3; i < count; i++)
        if (!read_seconds(item[i].raw, &number_s)) return fail_at(reader, item[i].raw, "is no time");
    if (!reader->has_default_ttl) reader->record.ttl_s = number_s;
    if (number_s < reader->record.ttl_s) reader->record.ttl_s = number_s;
    return true;
}

static const struct type_row {
    const char *word;
    uint16_t type;
    size_t least, most; /* items of data */
    bool (*read)(struct reader *reader, const struct item *item, size_t count);
} types[] = {
    {"A", DNS_A, 1, 1, read_a},
    {"AAAA", DNS_AAAA, 1, 1, read_aaaa},
    {"CNAME", DNS_CNAME, 1, 1, read_target},
    {"MX", DNS_MX, 2, 2, read_mx},
    {"NS", DNS_NS, 1, 1, read_target},
    {"PTR", DNS_PTR, 1, 1, read_target},
    {"SOA", DNS_ZONE_TYPE_SOA, 7, 7, read_soa},
    {"TXT", DNS_TXT, 1, DNS_ZONE_ITEM_MAX, read_txt},
};

static const struct type_row *find_type(struct span word) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (span_is_nocase(word, types[i].word)) return &types[i];
    return NULL;
}

static bool is_other_type(struct span word) {
    if (word.len > 4 && span_is_nocase(span_first(word, 4), "TYPE")) { /* RFC 3597 */
        for (size_t i = 4; i < word.len; i++)
            if (!ascii_is_digit(word.ptr[i])) return false;
        return word.len <= 9;
    }
    for (const char *at = OTHER_TYPES + 1; *at != '\0';) {
        size_t len = strcspn(at, " ");
        if (span_equal_nocase(word, (struct span){at, len})) return true;
        at += len + 1;
    }
    return false;
}

uint16_t dns_zone_text_type(struct span word) {
    const struct type_row *row = find_type(word);
    return row != NULL ? row->type : is_other_type(word) ? DNS_ZONE_TYPE_OTHER : 0;
}

/* --- Entries as a whole --- */

static bool run_directive(struct reader *reader) {
    struct span word = reader->item[0].raw;
    if (reader->count != 2)
        return fail_at(reader, word, reader->count < 2 ? "has no value" : "has more than one value");
    const struct item *value = &reader->item[1];
    if (span_is_nocase(word, "$ORIGIN")) {
        struct dns_name origin;
        if (!read_name(reader, value, &origin)) return false;
        reader->origin = origin;
        return true;
    }
    if (!span_is_nocase(word, "$TTL")) return fail_at(reader, word, "is a directive sceau does not read");
    if (!read_seconds(value->raw, &reader->default_ttl_s)) return fail_at(reader, value->raw, "is no time");
    reader->has_default_ttl = reader->has_dollar_ttl = true;
    return true;
}

/* TTL and class before the type, in either order; returns the index of the type. */
static bool read_ttl_and_class(struct reader *reader, size_t *at) {
    bool has_ttl = false, has_class = false;
    for (; *at < reader->count && !reader->item[*at].quoted; ++*at) {
        struct span word = reader->item[*at].raw;
        if (!has_ttl && read_seconds(word, &reader->record.ttl_s)) {
            has_ttl = true;
        } else if (!has_class && span_is_nocase(word, "IN")) {
            has_class = true;
        } else {
            if (span_is_nocase(word, "CH") || span_is_nocase(word, "HS") || span_is_nocase(word, "CS"))
                return fail_at(reader, word, "is a class sceau does not read");
            break;
        }
    }
    if (has_ttl && !reader->has_dollar_ttl) { /* RFC 1035 section 5.1: the last one named goes on */
        reader->default_ttl_s = reader->record.ttl_s;
        reader->has_default_ttl = true;
    }
    if (!has_ttl) reader->record.ttl_s = reader->has_default_ttl ? reader->default_ttl_s : DNS_ZONE_TTL_S;
    return *at < reader->count || fail(reader, "entry without a type");
}

static bool read_data(struct reader *reader, size_t at) {
    struct span word = reader->item[at].raw;
    const struct type_row *row = find_type(word);
    const struct item *item = &reader->item[at + 1];
    size_t count = reader->count - at - 1;
    reader->data_len = reader->string_count = 0;
    reader->record.type = row != NULL ? row->type : DNS_ZONE_TYPE_OTHER;
    if (row == NULL) return is_other_type(word) || fail_at(reader, word, "is no record type");
    if (count > 0 && !item[0].quoted && span_is(item[0].raw, "\\#"))
        return fail_at(reader, word, "data in \\# form is not read");
    if (count < row->least) return fail_at(reader, word, "record with too little data");
    if (count > row->most) return fail_at(reader, word, "record with too much data");
    return row->read(reader, item, count);
}

static bool run_entry(struct reader *reader, bool (*add)(void *owner, const struct dns_zone_record *record),
                      void *owner) {
    size_t at = 0;
    if (reader->count == 0) return true;
    if (!reader->starts_blank && !reader->item[0].quoted && reader->item[0].raw.ptr[0] == '$')
        return run_directive(reader);
    if (!reader->starts_blank) {
        if (!read_name(reader, &reader->item[at++], &reader->record.owner)) return false;
        reader->has_owner = true;
    }
    if (!reader->has_owner) return fail(reader, "blank owner, but no record stands before it");
    if (!read_ttl_and_class(reader, &at) || !read_data(reader, at)) return false;
    reader->record.data = (struct span){reader->data, reader->data_len};
    reader->record.strings = (struct span){reader->strings, reader->string_count};
    return add(owner, &reader->record) || fail(reader, "no memory for more records");
}

bool dns_zone_text_read(struct span text, const char *file,
                        bool (*add)(void *owner, const struct dns_zone_record *record), void *owner, char **error) {
    *error = NULL;
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) return false;
    reader->text = text;
    reader->line = 1;
    (void)dns_name_from_text(span_of(""), NULL, &reader->origin); /* the root */
    bool good = true;
    while (good && reader->at < text.len) good = read_entry(reader) && run_entry(reader, add, owner);
    if (!good && asprintf(error, "%s:%u: %s", file, reader->entry_line, reader->what) < 0) *error = NULL;
    free(reader);
    return good;
}
