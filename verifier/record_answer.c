#include "verifier/record_answer.h"

static bool copy(struct span from, struct arena *arena, struct span *to) {
    *to = from.len > 0 ? arena_copy(arena, from) : span_of("");
    return to->len == from.len;
}

static bool copy_all(const struct dns_answer *answer, struct arena *arena, struct record_answer *out) {
    for (; out->cname_count < answer->cname_count; out->cname_count++)
        if (!copy(answer->cname[out->cname_count], arena, &out->cname[out->cname_count])) return false;
    for (size_t i = 0; i < answer->record_count && i < RECORD_ANSWER_MAX; i++, out->record_count++)
        if (!copy(answer->record[i], arena, &out->record[i]) || !copy(answer->strings[i], arena, &out->strings[i]))
            return false;
    return copy(answer->reason, arena, &out->reason);
}

bool record_answer_copy(const struct dns_answer *answer, struct arena *arena, struct record_answer *out) {
    *out = (struct record_answer){.status = answer->status,
                                  .dnssec = answer->dnssec,
                                  .ttl_s = answer->ttl_s,
                                  .records_seen = (unsigned)answer->record_count};
    memcpy(out->cname_ttl_s, answer->cname_ttl_s, sizeof out->cname_ttl_s);
    if (copy_all(answer, arena, out)) return true;
    *out = (struct record_answer){.status = DNS_SERVFAIL};
    return false;
}

static bool holds(const struct record_answer *answer, struct span record) {
    for (size_t i = 0; i < answer->record_count; i++)
        if (span_equal(answer->record[i], record)) return true;
    return false;
}

bool record_answer_equal(const struct record_answer *a, const struct record_answer *b) {
    if (a->status != b->status || a->cname_count != b->cname_count || a->records_seen != b->records_seen) return false;
    for (size_t i = 0; i < a->cname_count; i++)
        if (!span_equal_nocase(a->cname[i], b->cname[i])) return false;
    for (size_t i = 0; i < a->record_count; i++)
        if (!holds(b, a->record[i]) || !holds(a, b->record[i])) return false;
    return true;
}
