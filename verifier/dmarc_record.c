#include "verifier/dmarc_record.h"
#include <stddef.h>
#include "base/ascii.h"

/* What is read on the way: the record, which tags stood there, and whether sp= or np= was no policy. */
struct reading {
    struct dmarc_record *record;
    unsigned seen; /* bit n: row n of tags */
    bool is_damaged;
};

static struct span trim_wsp(struct span s) {
    while (s.len > 0 && ascii_is_wsp(s.ptr[0])) s = span_after(s, 1);
    while (s.len > 0 && ascii_is_wsp(s.ptr[s.len - 1])) s.len--;
    return s;
}

/* ---- Values. What has no valid value is as if it were not there (section 4.7) ---- */

static enum dmarc_policy policy_of(struct span value) {
    static const enum dmarc_policy policies[] = {DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT};
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
        if (span_is_nocase(value, dmarc_policy_word(policies[i]))) return policies[i];
    return DMARC_POLICY_ABSENT;
}

static void read_p(struct reading *reading, struct span value) { reading->record->policy = policy_of(value); }

static void read_sp(struct reading *reading, struct span value) {
    reading->record->subdomain_policy = policy_of(value);
    if (reading->record->subdomain_policy == DMARC_POLICY_ABSENT) reading->is_damaged = true;
}

static void read_np(struct reading *reading, struct span value) {
    reading->record->nonexistent_policy = policy_of(value);
    if (reading->record->nonexistent_policy == DMARC_POLICY_ABSENT) reading->is_damaged = true;
}

static void read_psd(struct reading *reading, struct span value) {
    if (span_is_nocase(value, "y")) reading->record->psd = DMARC_PSD_YES;
    if (span_is_nocase(value, "n")) reading->record->psd = DMARC_PSD_NO;
}

static void read_t(struct reading *reading, struct span value) {
    reading->record->testing = span_is_nocase(value, "y");
}
static void read_adkim(struct reading *reading, struct span value) {
    reading->record->strict_dkim = span_is_nocase(value, "s");
}
static void read_aspf(struct reading *reading, struct span value) {
    reading->record->strict_spf = span_is_nocase(value, "s");
}

static bool is_scheme_char(char c) { return ascii_is_alnum(c) || c == '+' || c == '-' || c == '.'; }

/* RFC 3986 section 3, as far as it tells a URI from something else: a scheme, and behind it characters that a URI may
 * hold; an address behind mailto:. */
static bool is_uri(struct span text) {
    size_t colon = span_find(text, ':');
    if (colon == 0 || colon + 1 >= text.len || !ascii_is_alpha(text.ptr[0])) return false;
    for (size_t i = 0; i < colon; i++)
        if (!is_scheme_char(text.ptr[i])) return false;
    struct span rest = span_after(text, colon + 1);
    for (size_t i = 0; i < rest.len; i++)
        if (!ascii_is_graph(rest.ptr[i]) || memchr("\"<>\\^`{|}", rest.ptr[i], 9) != NULL) return false;
    if (!span_is_nocase(span_first(text, colon), "mailto")) return true;
    size_t at = span_find(rest, '@');
    return at > 0 && at + 1 < rest.len;
}

static void read_rua(struct reading *reading, struct span value) {
    for (bool more = true; more;) {
        size_t comma = span_find(value, ',');
        if (is_uri(trim_wsp(span_first(value, comma)))) reading->record->has_report_address = true;
        more = comma < value.len;
        if (more) value = span_after(value, comma + 1);
    }
}

static const struct {
    const char *name;
    void (*read)(struct reading *reading, struct span value);
} tags[] = {
    {"p", read_p}, {"sp", read_sp},       {"np", read_np},     {"psd", read_psd},
    {"t", read_t}, {"adkim", read_adkim}, {"aspf", read_aspf}, {"rua", read_rua},
};

/* ---- The record ---- */

/* Splits "name = value"; false when there is no =. */
static bool split(struct span tag, struct span *name, struct span *value) {
    size_t equals = span_find(tag, '=');
    if (equals == tag.len) return false;
    *name = trim_wsp(span_first(tag, equals));
    *value = trim_wsp(span_after(tag, equals + 1));
    return true;
}

static void read_tag(struct reading *reading, struct span tag) {
    struct span name, value;
    if (!split(tag, &name, &value)) return;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (!span_is_nocase(name, tags[i].name)) continue;
        if ((reading->seen & 1u << i) == 0) tags[i].read(reading, value);
        reading->seen |= 1u << i;
    }
}

/* Section 4.8: dmarc-version stands first, with nothing before it, and its value has case. */
static bool is_version(struct span tag) {
    struct span name, value;
    return tag.len > 0 && !ascii_is_wsp(tag.ptr[0]) && split(tag, &name, &value) && span_is_nocase(name, "v") &&
           span_is(value, "DMARC1");
}

/* Section 4.10.1, and 4.7 for p=. */
static enum dmarc_record_status settle_policy(const struct reading *reading) {
    struct dmarc_record *record = reading->record;
    if (record->policy != DMARC_POLICY_ABSENT && !reading->is_damaged) return DMARC_RECORD_OK;
    if (reading->is_damaged || !record->has_report_address)
        record->subdomain_policy = record->nonexistent_policy = DMARC_POLICY_ABSENT;
    record->policy = record->has_report_address ? DMARC_POLICY_NONE : DMARC_POLICY_ABSENT;
    return record->has_report_address ? DMARC_RECORD_OK : DMARC_RECORD_NO_POLICY;
}

enum dmarc_record_status dmarc_record_parse(struct span text, struct dmarc_record *out) {
    struct reading reading = {.record = out};
    *out = (struct dmarc_record){.policy = DMARC_POLICY_ABSENT};
    size_t end = span_find(text, ';');
    if (!is_version(span_first(text, end))) return DMARC_RECORD_FOREIGN;
    while (end < text.len) {
        text = span_after(text, end + 1);
        end = span_find(text, ';');
        read_tag(&reading, span_first(text, end));
    }
    return settle_policy(&reading);
}

enum dmarc_policy dmarc_record_policy_for(const struct dmarc_record *record, bool is_subdomain, bool exists) {
    if (is_subdomain && !exists && record->nonexistent_policy != DMARC_POLICY_ABSENT) return record->nonexistent_policy;
    if (is_subdomain && record->subdomain_policy != DMARC_POLICY_ABSENT) return record->subdomain_policy;
    return record->policy;
}
