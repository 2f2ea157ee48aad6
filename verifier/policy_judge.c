#include "verifier/policy_judge.h"
#include "verifier/dmarc_record.h"
#include "verifier/spf_record.h"
#include "verifier/tag_list.h"

enum { QUOTED_MAX = 200 };

static struct finding *add(struct finding_list *list, enum finding_id id, struct span domain) {
    struct finding *finding = finding_add(list, id);
    finding_add_text(finding, "domain", domain);
    return finding;
}

/* What is wrong, and at which octet of text, counted from 1. */
static void add_fault(struct finding_list *list, enum finding_id id, struct span domain, struct span text,
                      struct span at) {
    struct finding *finding = add(list, id, domain);
    finding_add_text(finding, "found", span_first(at, at.len < QUOTED_MAX ? at.len : QUOTED_MAX));
    finding_add_number(finding, "position", (uint64_t)(at.ptr - text.ptr) + 1);
}

/* ---- SPF ---- */

static void look_at_terms(const struct spf_record *record, struct span domain, struct finding_list *list) {
    struct spf_directive directive;
    bool has_all = record->redirect.len > 0, has_ptr = false;
    for (size_t at = 0; spf_record_next(record, &at, &directive);) {
        has_all |= directive.mechanism == SPF_MECHANISM_ALL;
        if (directive.mechanism == SPF_MECHANISM_PTR && !has_ptr) add(list, FINDING_SPF_PTR, domain);
        has_ptr |= directive.mechanism == SPF_MECHANISM_PTR;
        if (directive.mechanism == SPF_MECHANISM_ALL && directive.qualifier == RESULT_PASS)
            add(list, FINDING_SPF_PLUS_ALL, domain);
    }
    if (!has_all) add(list, FINDING_SPF_NO_ALL, domain);
}

void policy_judge_spf(struct span text, struct span domain, struct finding_list *findings) {
    static const enum finding_id faults[] = {
        [SPF_RECORD_NO_VERSION] = FINDING_SPF_NO_VERSION,
        [SPF_RECORD_TOO_LONG] = FINDING_SPF_TOO_LONG,
        [SPF_RECORD_BAD_OCTET] = FINDING_SPF_BAD_OCTET,
        [SPF_RECORD_UNKNOWN_MECHANISM] = FINDING_SPF_UNKNOWN_MECHANISM,
        [SPF_RECORD_BAD_ARGUMENT] = FINDING_SPF_BAD_ARGUMENT,
        [SPF_RECORD_BAD_DOMAIN] = FINDING_SPF_BAD_DOMAIN,
        [SPF_RECORD_BAD_NETWORK] = FINDING_SPF_BAD_NETWORK,
        [SPF_RECORD_BAD_PREFIX] = FINDING_SPF_BAD_PREFIX,
        [SPF_RECORD_BAD_MODIFIER] = FINDING_SPF_BAD_MODIFIER,
        [SPF_RECORD_DUPLICATE_MODIFIER] = FINDING_SPF_DUPLICATE_MODIFIER,
    };
    struct spf_record record;
    struct span error_term;
    enum spf_record_status status = spf_record_parse(text, &record, &error_term);
    if (status == SPF_RECORD_OK)
        look_at_terms(&record, domain, findings);
    else
        add_fault(findings, faults[status], domain, text, error_term);
}

/* ---- DMARC ---- */

static void look_at_subdomains(const struct dmarc_record *record, struct span domain, struct finding_list *list) {
    bool below = record->subdomain_policy == DMARC_POLICY_NONE,
         absent = record->nonexistent_policy == DMARC_POLICY_NONE;
    if (record->policy == DMARC_POLICY_NONE || (!below && !absent)) return;
    struct finding *finding = add(list, FINDING_DMARC_SUBDOMAINS, domain);
    finding_add_text(finding, "tag", span_of(below ? "sp" : "np"));
}

/* The tag that begins at this octet, without what stands around it. */
static struct span tag_at(struct span text, size_t at) {
    struct span rest = span_after(text, at);
    return span_trim(span_first(rest, span_find(rest, ';')));
}

static void look_at_grammar(struct span text, enum tag_list_status status, size_t error_at, struct span domain,
                            struct finding_list *list) {
    static const enum finding_id faults[] = {
        [TAG_LIST_EMPTY] = FINDING_DMARC_NO_VERSION,    [TAG_LIST_BAD_NAME] = FINDING_DMARC_BAD_NAME,
        [TAG_LIST_NO_EQUALS] = FINDING_DMARC_NO_EQUALS, [TAG_LIST_BAD_VALUE] = FINDING_DMARC_BAD_VALUE,
        [TAG_LIST_DUPLICATE] = FINDING_DMARC_DUPLICATE, [TAG_LIST_TOO_MANY] = FINDING_DMARC_TOO_MANY,
    };
    add_fault(list, faults[status], domain, text, tag_at(text, error_at));
}

/* Names have no case here (RFC 9989 section 4.8). */
static const struct tag *find_tag(const struct tag_list *tags, const char *name) {
    for (const struct tag *tag = tags->tag; tag < tags->tag + tags->count; tag++)
        if (span_is_nocase(tag->name, name)) return tag;
    return NULL;
}

static bool is_policy(struct span value) {
    static const enum dmarc_policy policies[] = {DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT};
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
        if (span_is_nocase(value, dmarc_policy_word(policies[i]))) return true;
    return false;
}

static void look_at_historic(const struct tag_list *tags, struct span domain, struct finding_list *list) {
    static const char *const historic[] = {"pct", "rf", "ri"};
    for (size_t i = 0; i < sizeof historic / sizeof *historic; i++)
        if (find_tag(tags, historic[i]) != NULL)
            finding_add_text(add(list, FINDING_DMARC_HISTORIC, domain), "tag", span_of(historic[i]));
}

/* False: nothing is wrong with p=, sp= and np=, as tags go. */
static bool look_at_policies(const struct tag_list *tags, struct span text, struct span domain,
                             struct finding_list *list) {
    static const char *const names[] = {"p", "sp", "np"};
    bool is_wrong = find_tag(tags, "p") == NULL;
    if (is_wrong) add(list, FINDING_DMARC_NO_POLICY, domain);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct tag *tag = find_tag(tags, names[i]);
        if (tag == NULL || is_policy(tag->value)) continue;
        add_fault(list, FINDING_DMARC_BAD_POLICY, domain, text, tag_at(text, (size_t)(tag->name.ptr - text.ptr)));
        is_wrong = true;
    }
    return is_wrong;
}

void policy_judge_dmarc(struct span text, struct span domain, struct finding_list *findings) {
    struct dmarc_record record;
    struct tag_list tags;
    size_t error_at;
    enum tag_list_status status = tag_list_parse(text, &tags, &error_at);
    enum dmarc_record_status read = dmarc_record_parse(text, &record);
    if (status != TAG_LIST_OK) {
        look_at_grammar(text, status, error_at, domain, findings);
        tag_list_salvage(text, &tags);
    }
    if (read == DMARC_RECORD_FOREIGN) {
        if (status != TAG_LIST_EMPTY) add_fault(findings, FINDING_DMARC_NO_VERSION, domain, text, tag_at(text, 0));
        return look_at_historic(&tags, domain, findings);
    }
    bool is_told = look_at_policies(&tags, text, domain, findings);
    if (read == DMARC_RECORD_NO_POLICY && !is_told) /* a line end in front of p=: white space of DKIM, not of DMARC */
        add(findings, FINDING_DMARC_NO_POLICY, domain);
    look_at_historic(&tags, domain, findings);
    if (record.testing) add(findings, FINDING_DMARC_TESTING, domain);
    look_at_subdomains(&record, domain, findings);
}
