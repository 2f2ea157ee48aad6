#include "verifier/record_judge.h"
#include "base/ascii.h"
#include "verifier/dns_packet.h"
#include "verifier/record_hint.h"

enum {
    SPREAD_MAX = 4,           /* records of which one key is put together */
    SCRATCH_OCTETS = 1 << 20, /* for records that are read and forgotten */
};

static struct finding *add(struct record_selector *selector, enum finding_id id) {
    return finding_add(&selector->findings, id);
}

/* --- which record speaks ----------------------------------------------------------------------------------------- */

static struct record_text *read_record(const struct record_answer *answer, size_t i, struct arena *arena) {
    struct record_text *record = arena_alloc(arena, sizeof *record);
    if (record == NULL || !record_text_read(answer->record[i], answer->strings[i], arena, record)) return NULL;
    return record;
}

/* Usable, else a key of whatever kind, else something of a key, else anything. */
static int rank(const struct record_text *record) {
    if (record->usable) return 3;
    if (record->foreign) return 0;
    return record->fingerprint[0] != '\0' || record->key.status == DKIM_KEY_EMPTY_P ? 2 : 1;
}

/* The record that speaks for the selector, and how many keys there are. False: the arena is spent. */
static bool choose(struct record_selector *selector, size_t *keys, struct arena *arena) {
    const struct record_answer *answer = &selector->answer;
    *keys = 0;
    for (size_t i = 0; i < answer->record_count; i++) {
        const struct record_text *record = read_record(answer, i, arena);
        if (record == NULL) return false;
        *keys += rank(record) >= 2;
        if (selector->record == NULL || rank(record) > rank(selector->record)) selector->record = record;
    }
    return true;
}

bool record_judge_holds_key(const struct record_answer *answer) {
    struct arena *scratch = arena_create(SCRATCH_OCTETS);
    bool holds = false;
    for (size_t i = 0; scratch != NULL && i < answer->record_count && !holds; i++) {
        const struct record_text *record = read_record(answer, i, scratch);
        holds = record != NULL && rank(record) >= 2;
    }
    arena_destroy(scratch);
    return holds;
}

/* --- a key in pieces --------------------------------------------------------------------------------------------- */

/* The next order of count indexes, in the order of words in a dictionary; false: that was the last. */
static bool next_order(size_t *order, size_t count) {
    size_t i = count - 1, j = count - 1;
    while (i > 0 && order[i - 1] >= order[i]) i--;
    if (i == 0) return false;
    while (order[j] <= order[i - 1]) j--;
    size_t swap = order[i - 1];
    order[i - 1] = order[j];
    order[j] = swap;
    for (size_t low = i, high = count - 1; low < high; low++, high--) {
        swap = order[low];
        order[low] = order[high];
        order[high] = swap;
    }
    return true;
}

/* Is text a usable key? False too when there is no memory. */
static bool is_usable(struct span text, struct arena *scratch) {
    struct record_text record;
    arena_reset(scratch);
    return record_text_read(text, (struct span){NULL, 0}, scratch, &record) && record.usable;
}

/* Do the records make one usable key when they are joined in some order? */
static bool is_spread(const struct record_answer *answer) {
    size_t order[SPREAD_MAX] = {0, 1, 2, 3}, count = answer->record_count;
    if (count < 2 || count > SPREAD_MAX || answer->records_seen != count) return false;
    struct arena *scratch = arena_create(SCRATCH_OCTETS);
    struct bytes joined = bytes_with_cap(DNS_TEXT_MAX);
    bool found = false, more = scratch != NULL;
    while (more && !found) {
        bytes_clear(&joined);
        for (size_t i = 0; i < count; i++) bytes_append(&joined, answer->record[order[i]]);
        found = !joined.failed && is_usable(bytes_span(&joined), scratch);
        more = next_order(order, count);
    }
    bytes_release(&joined);
    arena_destroy(scratch);
    return found;
}

/* --- what DNS says ----------------------------------------------------------------------------------------------- */

static bool is_failure(enum dns_status status) {
    return status == DNS_SERVFAIL || status == DNS_TIMEOUT || status == DNS_BOGUS;
}

static void judge_failure(struct record_selector *selector) {
    const struct record_answer *answer = &selector->answer;
    enum finding_id id = answer->status == DNS_TIMEOUT    ? FINDING_DNS_TIMEOUT
                         : answer->status == DNS_SERVFAIL ? FINDING_DNS_SERVFAIL
                                                          : FINDING_DNS_BOGUS;
    finding_add_text(add(selector, id), "name", selector->name);
    if (answer->status == DNS_BOGUS)
        finding_add_text(add(selector, FINDING_DNSSEC_REASON), "text",
                         answer->reason.len > 0 ? answer->reason : span_of("?"));
    selector->state = RECORD_STATE_UNKNOWN;
}

static void judge_dnssec(struct record_selector *selector) {
    if (selector->answer.dnssec == DNSSEC_SECURE) add(selector, FINDING_DNSSEC_VERIFIED);
    if (selector->answer.dnssec == DNSSEC_INSECURE) add(selector, FINDING_DNSSEC_UNSIGNED);
}

/* The name with its underscore, for a target that lacks it; {NULL, 0}: it lacks none, or the arena is spent. */
static struct span with_underscore(struct span target, struct arena *arena) {
    static const char label[] = ".domainkey.";
    for (size_t i = 0; i + sizeof label - 1 <= target.len; i++) {
        if (!span_is_nocase((struct span){target.ptr + i, sizeof label - 1}, label)) continue;
        char *text = arena_alloc(arena, target.len + 1);
        if (text == NULL) break;
        memcpy(text, target.ptr, i + 1);
        text[i + 1] = '_';
        memcpy(text + i + 2, target.ptr + i + 1, target.len - i - 1);
        return (struct span){text, target.len + 1};
    }
    return (struct span){NULL, 0};
}

/* name ends in ".domain": what stands before; name itself when it does not. */
static struct span without_domain(struct span name, struct span domain) {
    if (name.len <= domain.len + 1 || !span_ends_nocase(name, domain) || name.ptr[name.len - domain.len - 1] != '.')
        return name;
    return span_first(name, name.len - domain.len - 1);
}

/* Why does the alias lead to nothing? */
static void judge_dangling(struct record_selector *selector, struct span domain, struct arena *arena) {
    struct span target = selector->answer.cname[0], last = selector->answer.cname[selector->answer.cname_count - 1];
    struct span bare = without_domain(target, domain), mended = with_underscore(target, arena);
    finding_add_text(add(selector, FINDING_CNAME_DANGLES), "found", last);
    if (bare.len < target.len && span_find(bare, '.') < bare.len) {
        struct finding *finding = add(selector, FINDING_NO_FINAL_DOT);
        finding_add_text(finding, "name", domain);
        finding_add_text(finding, "found", target);
        finding_add_text(finding, "expected", bare);
    }
    if (mended.len > 0) {
        struct finding *finding = add(selector, FINDING_TARGET_NO_UNDERSCORE);
        finding_add_text(finding, "found", target);
        finding_add_text(finding, "expected", mended);
    }
}

static void judge_absence(struct record_selector *selector, struct span domain, struct arena *arena) {
    if (selector->answer.cname_count > 0) {
        judge_dangling(selector, domain, arena);
        selector->state = RECORD_STATE_TO_FIX;
        return;
    }
    enum finding_id id = selector->answer.status == DNS_NXDOMAIN ? FINDING_KEY_ABSENT : FINDING_NO_TXT;
    finding_add_text(add(selector, id), "name", selector->name);
    selector->state = RECORD_STATE_TO_SET;
}

static void judge_way(struct record_selector *selector) {
    const struct record_answer *answer = &selector->answer;
    if (selector->kind == RECORD_KIND_TXT) {
        if (!selector->is_given && answer->records_seen == 1) add(selector, FINDING_TXT_FOUND);
        return;
    }
    struct finding *finding = add(selector, FINDING_ALIAS);
    finding_add_text(finding, "name", selector->name);
    finding_add_text(finding, "found", answer->cname[answer->cname_count - 1]);
    finding_add_number(finding, "hop", answer->cname_count);
}

static bool judge_records(struct record_selector *selector, struct arena *arena) {
    size_t keys;
    if (!choose(selector, &keys, arena)) return false;
    const struct record_text *record = selector->record;
    selector->state = record->usable                           ? RECORD_STATE_SET
                      : record->key.status == DKIM_KEY_EMPTY_P ? RECORD_STATE_REVOKED
                                                               : RECORD_STATE_UNUSABLE;
    if (!record->usable && is_spread(&selector->answer)) {
        finding_add_number(add(selector, FINDING_KEY_SPREAD), "found", selector->answer.record_count);
        return true; /* what the pieces lack each is no fault of theirs */
    }
    if (keys > 1) {
        struct finding *finding = add(selector, FINDING_SEVERAL_KEYS);
        finding_add_number(finding, "found", keys);
        finding_add_text(finding, "name", selector->name);
    }
    judge_way(selector);
    return record_text_judge(record, arena, &selector->findings);
}

/* --- the alias that the owner was told to make -------------------------------------------------------------------- */

static size_t common_prefix(struct span a, struct span b) {
    size_t len = 0;
    while (len < a.len && len < b.len && ascii_lower(a.ptr[len]) == ascii_lower(b.ptr[len])) len++;
    return len;
}

static void judge_alias_missing(struct record_selector *selector) {
    struct finding *finding = add(selector, FINDING_CNAME_MISSING);
    finding_add_text(finding, "selector", selector->selector);
    finding_add_text(finding, "expected", selector->expected_cname);
    finding_add_text(finding, "name", selector->name);
    selector->state = RECORD_STATE_TO_SET;
}

static void judge_alias_wrong(struct record_selector *selector, struct span domain) {
    struct span found = selector->answer.cname[0], expected = selector->expected_cname;
    struct finding *finding = add(selector, FINDING_CNAME_WRONG);
    finding_add_text(finding, "selector", selector->selector);
    finding_add_text(finding, "expected", expected);
    finding_add_text(finding, "found", found);
    finding_add_number(finding, "position", common_prefix(found, expected) + 1);
    if (span_equal_nocase(without_domain(found, domain), expected) && selector->answer.status == DNS_FOUND) {
        finding = add(selector, FINDING_NO_FINAL_DOT);
        finding_add_text(finding, "name", domain);
        finding_add_text(finding, "found", found);
        finding_add_text(finding, "expected", expected);
    }
    selector->state = RECORD_STATE_TO_FIX;
}

static void judge_alias(struct record_selector *selector, struct span domain) {
    bool has_alias = selector->answer.cname_count > 0;
    if (selector->expected_cname.len == 0) {
        struct span label = span_first(selector->name, span_find(selector->name, '.'));
        if (has_alias) record_hint_at_target(selector->answer.cname[0], label, selector->selector, &selector->findings);
    } else if (!has_alias) {
        judge_alias_missing(selector);
    } else if (!span_equal_nocase(selector->answer.cname[0], selector->expected_cname)) {
        judge_alias_wrong(selector, domain);
    }
}

bool record_judge(struct record_selector *selector, struct span domain, struct arena *arena) {
    const struct record_answer *answer = &selector->answer;
    if (is_failure(answer->status)) {
        judge_failure(selector);
        return true;
    }
    if (answer->cname_count > 0)
        selector->kind = RECORD_KIND_CNAME;
    else if (answer->record_count > 0)
        selector->kind = RECORD_KIND_TXT;
    if (answer->record_count == 0)
        judge_absence(selector, domain, arena);
    else if (!judge_records(selector, arena))
        return false;
    if (!selector->is_given) judge_dnssec(selector);
    judge_alias(selector, domain);
    return true;
}

void record_judge_loop(struct record_selector *selector, size_t hops, struct span where) {
    selector->findings.count = 0; /* the failure is explained */
    selector->kind = RECORD_KIND_CNAME;
    selector->state = RECORD_STATE_TO_FIX;
    struct finding *finding = add(selector, FINDING_ALIAS_LOOP);
    finding_add_number(finding, "hop", hops);
    finding_add_text(finding, "found", where);
}
