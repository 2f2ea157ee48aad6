#include "verifier/dns_packet.h"

enum { HEADER_LEN = 12, RCODE_NXDOMAIN = 3, CLASS_IN = 1, TYPE_SOA = 6 };

/* One resource record; data borrows from the packet and starts at offset data_at of it. */
struct record {
    struct dns_name owner;
    uint16_t type, class;
    uint32_t ttl_s;
    size_t data_at;
    struct span data;
};

struct reader {
    struct span packet;
    enum dns_type type;
    struct arena *arena;
    struct dns_answer *out;
    unsigned answer_count, authority_count;
    size_t answer_at;                       /* where the answer section starts */
    struct dns_name hop[DNS_CNAME_MAX + 1]; /* the name asked for, then each CNAME's target */
    size_t text_len;                        /* octets of TXT taken so far */
};

const char *dns_packet_status_text(enum dns_packet_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {DNS_PACKET_STATUSES(X)};
#undef X
    return texts[status];
}

static uint16_t u16_at(struct span packet, size_t at) {
    const uint8_t *octets = (const uint8_t *)packet.ptr + at;
    return (uint16_t)(octets[0] << 8 | octets[1]);
}

static uint32_t u32_at(struct span packet, size_t at) {
    return (uint32_t)u16_at(packet, at) << 16 | u16_at(packet, at + 2);
}

/* RFC 2181 section 8: a TTL with its highest bit set counts as 0. */
static uint32_t ttl_at(struct span packet, size_t at) {
    uint32_t ttl_s = u32_at(packet, at);
    return ttl_s > INT32_MAX ? 0 : ttl_s;
}

static void lower_ttl(struct dns_answer *out, uint32_t ttl_s) {
    if (ttl_s < out->ttl_s) out->ttl_s = ttl_s;
}

/* The record at *at; moves *at behind it. */
static bool read_record(struct span packet, size_t *at, struct record *out) {
    if (!dns_name_unpack(packet, at, &out->owner) || packet.len - *at < 10) return false;
    out->type = u16_at(packet, *at);
    out->class = u16_at(packet, *at + 2);
    out->ttl_s = ttl_at(packet, *at + 4);
    size_t len = u16_at(packet, *at + 8);
    *at += 10;
    if (packet.len - *at < len) return false;
    out->data_at = *at;
    out->data = (struct span){packet.ptr + *at, len};
    *at += len;
    return true;
}

/* A name that fills the record's data from offset on. */
static bool read_data_name(const struct reader *reader, const struct record *record, size_t offset,
                           struct dns_name *out) {
    size_t at = record->data_at + offset;
    return offset < record->data.len && dns_name_unpack(reader->packet, &at, out) &&
           at == record->data_at + record->data.len;
}

static enum dns_packet_status read_header(struct reader *reader, const struct dns_name *name) {
    struct span packet = reader->packet;
    size_t at = HEADER_LEN;
    if (packet.len < HEADER_LEN) return DNS_PACKET_MALFORMED;
    unsigned questions = u16_at(packet, 4);
    reader->answer_count = u16_at(packet, 6);
    reader->authority_count = u16_at(packet, 8);
    if (questions > 1) return DNS_PACKET_MALFORMED;
    if (questions == 1) {
        struct dns_name asked;
        if (!dns_name_unpack(packet, &at, &asked) || packet.len - at < 4) return DNS_PACKET_MALFORMED;
        if (!dns_name_equal(&asked, name) || u16_at(packet, at) != reader->type || u16_at(packet, at + 2) != CLASS_IN)
            return DNS_PACKET_OTHER_QUESTION;
        at += 4;
    }
    reader->answer_at = at;
    return DNS_PACKET_OK;
}

static bool copy(struct reader *reader, struct span octets, struct span *out) {
    *out = octets.len > 0 ? arena_copy(reader->arena, octets) : span_of("");
    return out->ptr != NULL;
}

static enum dns_packet_status keep(struct reader *reader, struct span octets, struct span strings) {
    size_t at = reader->out->record_count;
    if (!copy(reader, octets, &reader->out->record[at]) || !copy(reader, strings, &reader->out->strings[at]))
        return DNS_PACKET_NO_MEMORY;
    reader->out->record_count++;
    return DNS_PACKET_OK;
}

/* The character-strings of a TXT record, joined without anything between (RFC 6376 section 3.6.2.2). */
static enum dns_packet_status take_text(struct reader *reader, struct span data) {
    char text[DNS_TEXT_MAX], lengths[DNS_STRINGS_MAX];
    size_t len = 0, strings = 0;
    if (data.len == 0) return DNS_PACKET_MALFORMED; /* RFC 1035 section 3.3.14: one string at least */
    for (size_t at = 0; at < data.len;) {
        size_t string_len = (unsigned char)data.ptr[at++];
        if (string_len > data.len - at) return DNS_PACKET_MALFORMED;
        if (string_len > DNS_TEXT_MAX - reader->text_len - len)
            return reader->out->record_count > 0 ? DNS_PACKET_OK : DNS_PACKET_TOO_LARGE;
        if (strings < DNS_STRINGS_MAX) lengths[strings++] = (char)string_len;
        memcpy(text + len, data.ptr + at, string_len);
        len += string_len;
        at += string_len;
    }
    reader->text_len += len;
    return keep(reader, (struct span){text, len}, (struct span){lengths, strings});
}

/* A record whose data is prefix_len octets and a name: MX, PTR, CNAME, NS. */
static enum dns_packet_status take_name(struct reader *reader, const struct record *record, size_t prefix_len) {
    char text[2 + DNS_NAME_TEXT_MAX];
    struct dns_name name;
    if (!read_data_name(reader, record, prefix_len, &name)) return DNS_PACKET_MALFORMED;
    memcpy(text, record->data.ptr, prefix_len);
    return keep(reader, (struct span){text, prefix_len + dns_name_to_text(&name, text + prefix_len)}, (struct span){0});
}

static enum dns_packet_status take_address(struct reader *reader, struct span data, size_t len) {
    return data.len == len ? keep(reader, data, (struct span){0}) : DNS_PACKET_MALFORMED;
}

static enum dns_packet_status take(struct reader *reader, const struct record *record) {
    lower_ttl(reader->out, record->ttl_s);
    switch (reader->type) {
    case DNS_A: return take_address(reader, record->data, 4);
    case DNS_AAAA: return take_address(reader, record->data, 16);
    case DNS_TXT: return take_text(reader, record->data);
    case DNS_MX: return take_name(reader, record, 2);
    case DNS_CNAME:
    case DNS_NS:
    case DNS_PTR: return take_name(reader, record, 0);
    }
    return DNS_PACKET_MALFORMED; /* no type of ours */
}

/* A CNAME to follow. */
struct hop {
    struct dns_name target;
    uint32_t ttl_s;
};

/* One pass over the answer section for the records at the chain's last name: takes those of the wanted type, and tells
 * in *next whether there is a CNAME to follow, which then is in *hop. */
static enum dns_packet_status read_records_at(struct reader *reader, const struct dns_name *owner, bool *next,
                                              struct hop *hop) {
    size_t at = reader->answer_at;
    *next = false;
    for (unsigned i = 0; i < reader->answer_count; i++) {
        struct record record;
        if (!read_record(reader->packet, &at, &record)) return DNS_PACKET_MALFORMED;
        if (record.class != CLASS_IN || !dns_name_equal(&record.owner, owner)) continue;
        if (record.type == reader->type && reader->out->record_count < DNS_RECORD_MAX) {
            enum dns_packet_status status = take(reader, &record);
            if (status != DNS_PACKET_OK) return status;
        } else if (record.type == DNS_CNAME && reader->type != DNS_CNAME && !*next) {
            if (!read_data_name(reader, &record, 0, &hop->target)) return DNS_PACKET_MALFORMED;
            *next = true;
            hop->ttl_s = record.ttl_s;
        }
    }
    if (reader->out->record_count > 0) *next = false;
    if (*next) lower_ttl(reader->out, hop->ttl_s);
    return DNS_PACKET_OK;
}

/* Adds a hop to the answer; a name that was on the chain before is a loop. */
static enum dns_packet_status add_hop(struct reader *reader, const struct hop *hop) {
    const struct dns_name *target = &hop->target;
    struct dns_answer *out = reader->out;
    char text[DNS_NAME_TEXT_MAX];
    if (out->cname_count == DNS_CNAME_MAX) return DNS_PACKET_BAD_CHAIN;
    for (size_t i = 0; i <= out->cname_count; i++)
        if (dns_name_equal(&reader->hop[i], target)) return DNS_PACKET_BAD_CHAIN;
    struct span name = {text, dns_name_to_text(target, text)};
    if (!copy(reader, name, &out->cname[out->cname_count])) return DNS_PACKET_NO_MEMORY;
    out->cname_ttl_s[out->cname_count] = hop->ttl_s;
    reader->hop[++out->cname_count] = *target;
    return DNS_PACKET_OK;
}

static enum dns_packet_status follow_chain(struct reader *reader) {
    for (;;) {
        struct hop hop;
        bool next;
        enum dns_packet_status status = read_records_at(reader, &reader->hop[reader->out->cname_count], &next, &hop);
        if (status != DNS_PACKET_OK || !next) return status;
        status = add_hop(reader, &hop);
        if (status != DNS_PACKET_OK) return status;
    }
}

/* SOA TTL and minimum of the authority section, into the answer's TTL (RFC 2308 section 5). */
static enum dns_packet_status read_negative_ttl(struct reader *reader) {
    size_t at = reader->answer_at;
    struct record record;
    for (unsigned i = 0; i < reader->answer_count + reader->authority_count; i++) {
        if (!read_record(reader->packet, &at, &record)) return DNS_PACKET_MALFORMED;
        if (i < reader->answer_count || record.type != TYPE_SOA || record.class != CLASS_IN) continue;
        struct dns_name name;
        size_t numbers_at = record.data_at, end = record.data_at + record.data.len;
        if (!dns_name_unpack(reader->packet, &numbers_at, &name) ||
            !dns_name_unpack(reader->packet, &numbers_at, &name) || numbers_at + 20 != end)
            return DNS_PACKET_MALFORMED;
        lower_ttl(reader->out, record.ttl_s);
        lower_ttl(reader->out, ttl_at(reader->packet, numbers_at + 16));
        return DNS_PACKET_OK;
    }
    reader->out->ttl_s = 0;
    return DNS_PACKET_OK;
}

static enum dns_packet_status read_sections(struct reader *reader, const struct dns_name *name) {
    struct dns_answer *out = reader->out;
    enum dns_packet_status status = read_header(reader, name);
    if (status != DNS_PACKET_OK) return status;
    unsigned rcode = (unsigned char)reader->packet.ptr[3] & 0x0f;
    if (rcode != 0 && rcode != RCODE_NXDOMAIN) return out->ttl_s = 0, DNS_PACKET_OK;
    reader->hop[0] = *name;
    status = follow_chain(reader);
    if (status != DNS_PACKET_OK) return status;
    out->status = out->record_count > 0 ? DNS_FOUND : rcode == RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA;
    return out->status == DNS_FOUND ? DNS_PACKET_OK : read_negative_ttl(reader);
}

enum dns_packet_status dns_packet_read(struct span packet, const struct dns_name *name, enum dns_type type,
                                       struct arena *arena, struct dns_answer *out) {
    struct reader reader = {.packet = packet, .type = type, .arena = arena, .out = out};
    *out = (struct dns_answer){.status = DNS_SERVFAIL, .ttl_s = INT32_MAX};
    enum dns_packet_status status = read_sections(&reader, name);
    if (status != DNS_PACKET_OK) *out = (struct dns_answer){.status = DNS_SERVFAIL};
    return status;
}
