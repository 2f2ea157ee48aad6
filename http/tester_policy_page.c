#include <stdio.h>
#include "http/tester_facts.h"
#include "http/tester_report_page.h"
#include "http/tester_tags.h"
#include "verifier/spf_record.h"
#include "verifier/tag_list.h"

enum { WHAT_MAX = 32, ID_MAX = 96 };

static void write_title(struct bytes *out, enum language language, enum page_text title, unsigned level) {
    bytes_append_format(out, "<h%u>", level);
    page_say(out, language, title);
    bytes_append_format(out, "</h%u>\n", level);
}

/* --- how it stands --- */

static bool is_failure(const struct domain_policy_place *place) {
    return place->status == DNS_SERVFAIL || place->status == DNS_TIMEOUT || place->status == DNS_BOGUS;
}

static enum page_text text_of_failure(enum dns_status status) {
    return status == DNS_TIMEOUT ? CAUSE_TEXT_DNS_TIMEOUT
           : status == DNS_BOGUS ? CAUSE_TEXT_DNS_BOGUS
                                 : CAUSE_TEXT_DNS_SERVFAIL;
}

static bool has_error(const struct finding_list *findings) {
    for (size_t i = 0; i < findings->count; i++)
        if (finding_severity(findings->finding[i].id) == SEVERITY_ERROR) return true;
    return false;
}

static enum tester_mood mood_of(enum domain_policy_state state, const struct finding_list *findings) {
    if (state == DOMAIN_POLICY_SEVERAL || state == DOMAIN_POLICY_MALFORMED) return TESTER_BAD;
    return state == DOMAIN_POLICY_VALID && !has_error(findings) ? TESTER_GOOD : TESTER_DOUBT;
}

static void write_spf_state(struct bytes *out, enum language language, const struct domain_policy *policy) {
    static const enum page_text texts[] = {[DOMAIN_POLICY_NONE] = POLICY_SPF_NONE,
                                           [DOMAIN_POLICY_VALID] = POLICY_SPF_VALID,
                                           [DOMAIN_POLICY_SEVERAL] = POLICY_SPF_SEVERAL,
                                           [DOMAIN_POLICY_MALFORMED] = POLICY_SPF_MALFORMED,
                                           [DOMAIN_POLICY_UNKNOWN] = POLICY_UNKNOWN};
    tester_fact_state(out, language, mood_of(policy->spf_state, &policy->spf_findings), texts[policy->spf_state],
                      policy->spf_state == DOMAIN_POLICY_UNKNOWN ? text_of_failure(policy->spf.status)
                                                                 : PAGE_TEXT_COUNT);
}

static void write_dmarc_state(struct bytes *out, enum language language, const struct domain_policy *policy) {
    static const enum page_text texts[] = {[DOMAIN_POLICY_NONE] = POLICY_DMARC_NONE,
                                           [DOMAIN_POLICY_VALID] = POLICY_DMARC_VALID,
                                           [DOMAIN_POLICY_SEVERAL] = POLICY_DMARC_SEVERAL,
                                           [DOMAIN_POLICY_MALFORMED] = POLICY_DMARC_MALFORMED,
                                           [DOMAIN_POLICY_UNKNOWN] = POLICY_UNKNOWN};
    bool is_above = policy->dmarc_state == DOMAIN_POLICY_VALID && policy->is_inherited;
    enum page_text detail = PAGE_TEXT_COUNT;
    for (size_t i = 0; i < policy->asked && policy->dmarc_state == DOMAIN_POLICY_UNKNOWN; i++)
        if (is_failure(&policy->dmarc[i]) && detail == PAGE_TEXT_COUNT)
            detail = text_of_failure(policy->dmarc[i].status);
    tester_fact_state(out, language, mood_of(policy->dmarc_state, &policy->dmarc_findings),
                      is_above ? POLICY_DMARC_ABOVE : texts[policy->dmarc_state], detail);
}

/* --- what stands at a name --- */

static void write_place(struct bytes *out, enum language language, enum page_text name,
                        const struct domain_policy_place *place, const char *id) {
    tester_fact_copied(out, language, name, place->name, id, "name");
    tester_fact_hops(out, language, place->cname, place->cname_ttl_s, place->cname_count);
    tester_fact_dns(out, language, place->dnssec, place->reason, !is_failure(place), place->ttl_s);
    for (size_t i = 0; i < place->count && i < DOMAIN_POLICY_TEXTS_MAX; i++) {
        char what[WHAT_MAX];
        snprintf(what, sizeof what, "record%zu", i);
        tester_fact_copied(out, language, RECORD_PUBLISHED, place->text[i], id, what);
    }
}

/* --- SPF, term by term --- */

static void write_term(struct bytes *out, enum language language, struct span term, const char *name,
                       enum page_text result) {
    const struct tag_text *known = tag_text_find(TAG_TEXT_SPF, span_of(name));
    bytes_append_text(out, "<tr><th scope=\"row\"><code>");
    html_text(out, term);
    bytes_append_text(out, "</code></th><td>");
    if (result != PAGE_TEXT_COUNT) page_say(out, language, result);
    bytes_append_text(out, "</td><td>");
    if (known != NULL) page_say_phrase(out, language, &known->text, NULL, 0);
    bytes_append_text(out, "</td></tr>\n");
}

static enum page_text text_of_qualifier(enum auth_result qualifier) {
    return qualifier == RESULT_PASS       ? POLICY_SPF_PASS
           : qualifier == RESULT_FAIL     ? POLICY_SPF_FAIL
           : qualifier == RESULT_SOFTFAIL ? POLICY_SPF_SOFTFAIL
                                          : POLICY_SPF_NEUTRAL;
}

/* A modifier's whole term: what stands in front of its value, too. */
static void write_modifier(struct bytes *out, enum language language, const char *name, struct span value) {
    struct bytes term = bytes_with_cap(SPF_RECORD_MAX + WHAT_MAX);
    if (value.len > 0) {
        bytes_append_format(&term, "%s=", name);
        bytes_append(&term, value);
        out->failed |= term.failed;
        write_term(out, language, bytes_span(&term), name, PAGE_TEXT_COUNT);
    }
    bytes_release(&term);
}

static void write_terms(struct bytes *out, enum language language, struct span text) {
#define X(id, word) [id] = word,
    static const char *const words[] = {SPF_MECHANISMS(X)};
#undef X
    static const enum page_text heads[] = {POLICY_TERM, POLICY_RESULT, REPORT_MEANING};
    struct spf_record record;
    struct spf_directive directive;
    struct span error_term;
    if (spf_record_parse(text, &record, &error_term) != SPF_RECORD_OK) return;
    bytes_append_text(out, "<details open><summary>");
    page_say(out, language, POLICY_TERMS);
    bytes_append_text(out, "</summary>\n");
    tester_tags_heads(out, language, heads, sizeof heads / sizeof *heads);
    for (size_t at = 0; spf_record_next(&record, &at, &directive);)
        write_term(out, language, directive.text, words[directive.mechanism], text_of_qualifier(directive.qualifier));
    write_modifier(out, language, "redirect", record.redirect);
    write_modifier(out, language, "exp", record.explanation);
    tester_tags_end(out);
    bytes_append_text(out, "</details>\n");
}

static void write_spf(struct bytes *out, enum language language, const struct domain_policy *policy, const char *id,
                      unsigned level) {
    write_title(out, language, POLICY_SPF, level);
    write_spf_state(out, language, policy);
    tester_findings_write(out, language, NULL, &policy->spf_findings, false);
    bytes_append_text(out, "<dl class=\"facts\">\n");
    write_place(out, language, RECORD_NAME, &policy->spf, id);
    bytes_append_text(out, "</dl>\n");
    if (policy->spf_state == DOMAIN_POLICY_VALID) write_terms(out, language, policy->spf.text[0]);
}

/* --- DMARC, what it asks for --- */

static enum page_text text_of_policy(enum dmarc_policy policy) {
    return policy == DMARC_POLICY_REJECT       ? POLICY_DO_REJECT
           : policy == DMARC_POLICY_QUARANTINE ? POLICY_DO_QUARANTINE
                                               : POLICY_DO_NONE;
}

/* Names have no case (RFC 9989 section 4.8). */
static bool is_given(const struct tag_list *tags, const char *name) {
    for (size_t i = 0; i < tags->count; i++)
        if (span_is_nocase(tags->tag[i].name, name)) return true;
    return false;
}

/* A row: the tag, its value in effect, and whom it speaks of with what is asked for. */
struct demand {
    const char *tag, *value;
    enum page_text subject, wish;
};

static void write_demand(struct bytes *out, enum language language, const struct tag_list *tags, struct span domain,
                         const struct demand *demand) {
    bytes_append_format(out, "<tr><th scope=\"row\"><code>%s</code></th><td><code>%s</code>", demand->tag,
                        demand->value);
    if (!is_given(tags, demand->tag)) {
        bytes_append_text(out, " <span class=\"quiet\">(");
        page_say(out, language, POLICY_BY_DEFAULT);
        bytes_append_text(out, ")</span>");
    }
    bytes_append_text(out, "</td><td>");
    page_say_with(out, language, demand->subject, &(struct phrase_value){"domain", domain}, 1);
    tester_fact_colon(out, language);
    page_say(out, language, demand->wish);
    bytes_append_text(out, "</td></tr>\n");
}

static void write_demands(struct bytes *out, enum language language, const struct domain_policy *policy) {
    static const enum page_text heads[] = {REPORT_TAG, REPORT_VALUE, REPORT_MEANING};
    const struct dmarc_record *record = &policy->record;
    enum dmarc_policy below = domain_policy_below(record, true), absent = domain_policy_below(record, false);
    const struct demand demands[] = {
        {"p", dmarc_policy_word(record->policy), POLICY_OF_DOMAIN, text_of_policy(record->policy)},
        {"sp", dmarc_policy_word(below), POLICY_OF_SUBDOMAINS, text_of_policy(below)},
        {"np", dmarc_policy_word(absent), POLICY_OF_NONEXISTENT, text_of_policy(absent)},
        {"t", record->testing ? "y" : "n", POLICY_TEST, record->testing ? POLICY_TEST_YES : POLICY_TEST_NO},
        {"adkim", record->strict_dkim ? "s" : "r", POLICY_ALIGN_DKIM,
         record->strict_dkim ? POLICY_ALIGN_STRICT : POLICY_ALIGN_RELAXED},
        {"aspf", record->strict_spf ? "s" : "r", POLICY_ALIGN_SPF,
         record->strict_spf ? POLICY_ALIGN_STRICT : POLICY_ALIGN_RELAXED},
    };
    struct tag_list tags;
    if (record->policy == DMARC_POLICY_ABSENT) return;
    tag_list_salvage(policy->record_text, &tags);
    bytes_append_text(out, "<details open><summary>");
    page_say(out, language, POLICY_MEANS);
    bytes_append_text(out, "</summary>\n");
    tester_tags_heads(out, language, heads, sizeof heads / sizeof *heads);
    for (size_t i = 0; i < sizeof demands / sizeof *demands; i++)
        write_demand(out, language, &tags, policy->policy_domain, &demands[i]);
    tester_tags_end(out);
    bytes_append_text(out, "</details>\n");
}

static void write_all_tags(struct bytes *out, enum language language, struct span text) {
    struct tag_list tags;
    tag_list_salvage(text, &tags);
    if (tags.count == 0) return;
    bytes_append_text(out, "<details><summary>");
    page_say(out, language, POLICY_ALL_TAGS);
    bytes_append_text(out, "</summary>\n");
    tester_tags_begin(out, language);
    for (size_t i = 0; i < tags.count; i++)
        tester_tags_write(out, language, TAG_TEXT_DMARC, tags.tag[i].name, tags.tag[i].value);
    tester_tags_end(out);
    bytes_append_text(out, "</details>\n");
}

static void write_asked(struct bytes *out, enum language language, const struct domain_policy *policy) {
    bytes_append_text(out, "<details><summary>");
    page_say(out, language, POLICY_ASKED);
    bytes_append_text(out, "</summary>\n<ol>\n");
    for (size_t i = 0; i < policy->asked; i++) {
        const struct domain_policy_place *place = &policy->dmarc[i];
        bytes_append_text(out, "<li><code>");
        html_text(out, place->name);
        bytes_append_text(out, "</code>");
        tester_fact_colon(out, language);
        if (is_failure(place))
            page_say(out, language, POLICY_ASKED_FAILED);
        else
            page_say_number(out, language, POLICY_ASKED_RECORDS, place->count);
        bytes_append_text(out, "</li>\n");
    }
    bytes_append_text(out, "</ol></details>\n");
}

static void write_dmarc_facts(struct bytes *out, enum language language, const struct domain_policy *policy,
                              struct span domain, const char *id) {
    bytes_append_text(out, "<dl class=\"facts\">\n");
    if (policy->has_record)
        write_place(out, language, POLICY_FOUND_AT, &policy->dmarc[policy->found_at], id);
    else if (policy->asked > 0)
        write_place(out, language, RECORD_NAME, &policy->dmarc[0], id);
    if (policy->organization.len > 0) {
        tester_fact_begin(out, language, POLICY_ORGANIZATION);
        bytes_append_text(out, "<code>");
        html_text(out, policy->organization);
        bytes_append_text(out, "</code></dd>\n");
    }
    if (policy->applied != DMARC_POLICY_ABSENT) {
        bytes_append_text(out, "<dt>");
        page_say_with(out, language, POLICY_APPLIED, &(struct phrase_value){"domain", domain}, 1);
        bytes_append_text(out, "</dt><dd>");
        page_say(out, language, text_of_policy(policy->applied));
        bytes_append_text(out, "</dd>\n");
    }
    bytes_append_text(out, "</dl>\n");
}

static void write_dmarc(struct bytes *out, enum language language, const struct domain_policy *policy,
                        struct span domain, const char *id, unsigned level) {
    write_title(out, language, POLICY_DMARC, level);
    write_dmarc_state(out, language, policy);
    tester_findings_write(out, language, NULL, &policy->dmarc_findings, false);
    write_dmarc_facts(out, language, policy, domain, id);
    if (policy->has_record) {
        write_demands(out, language, policy);
        write_all_tags(out, language, policy->record_text);
    }
    if (policy->asked > 0) write_asked(out, language, policy);
}

void tester_policy_page_write(struct bytes *out, enum language language, const struct domain_policy *policy,
                              struct span domain, const char *id, unsigned level) {
    char own[ID_MAX];
    snprintf(own, sizeof own, "%s-spf", id);
    write_spf(out, language, policy, own, level);
    snprintf(own, sizeof own, "%s-dmarc", id);
    write_dmarc(out, language, policy, domain, own, level);
}
