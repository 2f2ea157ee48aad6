#include "verifier/dns_parcel.h"

static bool put_number(struct bytes *out, uint64_t value, size_t octets) {
    while (octets > 0) bytes_append_char(out, (char)(value >> (8 * --octets)));
    return !out->failed;
}

static bool take_number(struct span *rest, size_t octets, uint64_t *out) {
    if (rest->len < octets) return false;
    *out = 0;
    for (size_t i = 0; i < octets; i++) *out = *out << 8 | (uint8_t)rest->ptr[i];
    *rest = span_after(*rest, octets);
    return true;
}

/* --- Questions: kind 1, client 2, id 8, type 2, then the name's wire form --- */

bool dns_parcel_write_question(const struct dns_parcel_question *question, struct bytes *out) {
    bytes_clear(out);
    put_number(out, question->kind, 1);
    put_number(out, question->client, 2);
    put_number(out, question->id, 8);
    if (question->kind != DNS_PARCEL_ASK) return !out->failed;
    put_number(out, question->type, 2);
    return bytes_append(out, (struct span){(const char *)question->name.wire, question->name.len});
}

static bool is_type(uint64_t type) {
    switch (type) {
    case DNS_A:
    case DNS_NS:
    case DNS_CNAME:
    case DNS_PTR:
    case DNS_MX:
    case DNS_TXT:
    case DNS_AAAA: return true;
    }
    return false;
}

bool dns_parcel_read_question(struct span octets, struct dns_parcel_question *out) {
    uint64_t kind, client, type;
    if (!take_number(&octets, 1, &kind) || !take_number(&octets, 2, &client) || !take_number(&octets, 8, &out->id))
        return false;
    out->client = (uint16_t)client;
    out->kind = (enum dns_parcel_kind)kind;
    if (kind == DNS_PARCEL_CANCEL || kind == DNS_PARCEL_CLOSE) return octets.len == 0;
    if (kind != DNS_PARCEL_ASK || !take_number(&octets, 2, &type) || !is_type(type)) return false;
    out->type = (enum dns_type)type;
    size_t end = 0;
    struct span name = octets; /* read as a packet that is nothing but a name: no pointer can be right in it */
    return dns_name_unpack(name, &end, &out->name) && end == name.len;
}

/* --- Answers: id 8, status 1, state 1, TTL 4, hops 1, records 1, the TTL of each hop 4, then behind its length, 2,
 * each: the hops, the records, the lengths of each record's strings, the reason --- */

/* Part number i of what stands behind its length; NULL behind the last one. */
static struct span *part_of(struct dns_answer *answer, size_t i) {
    if (i < answer->cname_count) return &answer->cname[i];
    i -= answer->cname_count;
    if (i < answer->record_count) return &answer->record[i];
    i -= answer->record_count;
    if (i < answer->record_count) return &answer->strings[i];
    return i == answer->record_count ? &answer->reason : NULL;
}

bool dns_parcel_write_answer(uint64_t id, const struct dns_answer *answer, struct bytes *out) {
    bytes_clear(out);
    put_number(out, id, 8);
    put_number(out, answer->status, 1);
    put_number(out, answer->dnssec, 1);
    put_number(out, answer->ttl_s, 4);
    put_number(out, answer->cname_count, 1);
    put_number(out, answer->record_count, 1);
    for (size_t i = 0; i < answer->cname_count; i++) put_number(out, answer->cname_ttl_s[i], 4);
    struct dns_answer parts = *answer;
    for (size_t i = 0; part_of(&parts, i) != NULL; i++) {
        struct span part = *part_of(&parts, i);
        if (part.len > UINT16_MAX) return false;
        put_number(out, part.len, 2);
        bytes_append(out, part);
    }
    return !out->failed;
}

bool dns_parcel_read_answer(struct span octets, uint64_t *id, struct dns_answer *out) {
    uint64_t status, state, ttl_s, cname_count, record_count, len;
    if (!take_number(&octets, 8, id) || !take_number(&octets, 1, &status) || !take_number(&octets, 1, &state) ||
        !take_number(&octets, 4, &ttl_s) || !take_number(&octets, 1, &cname_count) ||
        !take_number(&octets, 1, &record_count))
        return false;
    if (status >= DNS_STATUS_COUNT || state >= DNSSEC_STATE_COUNT || cname_count > DNS_CNAME_MAX ||
        record_count > DNS_RECORD_MAX || (record_count > 0) != (status == DNS_FOUND))
        return false;
    *out = (struct dns_answer){.status = (enum dns_status)status,
                               .dnssec = (enum dnssec_state)state,
                               .ttl_s = (uint32_t)ttl_s,
                               .cname_count = cname_count,
                               .record_count = record_count};
    for (size_t i = 0; i < cname_count; i++) {
        if (!take_number(&octets, 4, &ttl_s)) return false;
        out->cname_ttl_s[i] = (uint32_t)ttl_s;
    }
    for (size_t i = 0; part_of(out, i) != NULL; i++) {
        if (!take_number(&octets, 2, &len) || octets.len < len) return false;
        *part_of(out, i) = span_first(octets, len);
        octets = span_after(octets, len);
    }
    return octets.len == 0;
}
