#include "verifier/diagnosis_path.h"
#include "verifier/domain_name.h"
#include "verifier/dmarc_record.h"
#include "verifier/spf_record.h"
#include "verifier/tag_list.h"

static struct finding *add(struct finding_list *list, enum finding_id id, struct span domain) {
    struct finding *finding = finding_add(list, id);
    finding_add_text(finding, "domain", domain);
    return finding;
}

/* The check that DMARC reads: of the reverse-path, or of HELO where there is none. */
static const struct spf_result *spf_of(const struct message_result *result) {
    const struct spf_result *spf = &result->spf[SPF_MAIL_FROM];
    return spf->is_evaluated ? spf : &result->spf[SPF_HELO];
}

/* ---- SPF ---- */

static void look_at_verdict(const struct diagnosis_input *input, const struct spf_result *spf,
                            struct finding_list *list) {
    const struct message_result *result = input->result;
    const struct diagnosis_policy *policy = input->policy;
    bool fails = spf->result == RESULT_FAIL || spf->result == RESULT_SOFTFAIL || spf->result == RESULT_NEUTRAL;
    if (fails && policy->earlier_address.len > 0) {
        struct finding *finding = add(list, FINDING_SPF_FORWARDED, spf->domain);
        finding->certainty = FINDING_GUESS; /* whoever forges a message can forge its Received fields */
        finding_add_text(finding, "found", policy->earlier_address);
    }
    if (spf->code == SPF_TOO_MANY_LOOKUPS || spf->code == SPF_TOO_MANY_VOID) {
        struct finding *finding = add(list, FINDING_SPF_LOOKUPS, spf->domain);
        finding_add_number(finding, "found", spf->lookups);
        finding_add_number(finding, "expected", spf->void_lookups);
    }
    if (spf->code == SPF_INCLUDE_NONE || spf->code == SPF_REDIRECT_NONE)
        finding_add_text(add(list, FINDING_SPF_INCLUDE, spf->domain), "text",
                         spf->mechanism.len > 0 ? spf->mechanism : spf->detail);
    bool counts = !result->dmarc.is_evaluated || result->dmarc.spf_aligned;
    if (spf->result == RESULT_PASS && !counts && result->from_domain.len > 0)
        finding_add_text(add(list, FINDING_SPF_UNALIGNED, spf->domain), "expected", result->from_domain);
}

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

static void look_at_spf_record(const struct diagnosis_policy *policy, struct finding_list *list) {
    struct spf_record record;
    struct span error_term;
    if (!policy->spf.is_known || policy->spf.count == 0) return;
    if (policy->spf.count > 1) {
        finding_add_number(add(list, FINDING_SPF_SEVERAL, policy->spf_domain), "found", policy->spf.count);
        return;
    }
    enum spf_record_status status = spf_record_parse(policy->spf.text[0], &record, &error_term);
    if (status == SPF_RECORD_OK) {
        look_at_terms(&record, policy->spf_domain, list);
        return;
    }
    struct finding *finding = add(list, FINDING_SPF_BROKEN, policy->spf_domain);
    finding_add_text(finding, "text", span_of(spf_record_status_text(status)));
    finding_add_text(finding, "found", error_term);
}

/* ---- DMARC ---- */

/* A strict demand that only a looser one would have met. */
static void look_at_strictness(const struct message_result *result, struct finding_list *list) {
    const struct dmarc_result *dmarc = &result->dmarc;
    const struct spf_result *spf = spf_of(result);
    for (size_t i = 0; dmarc->strict_dkim && !dmarc->dkim_aligned && i < result->dkim_count; i++) {
        const struct dkim_result *dkim = &result->dkim[i];
        if (dkim->result != RESULT_PASS || !domain_name_is_related(dkim->domain_ascii, dmarc->domain)) continue;
        struct finding *finding = add(list, FINDING_DMARC_STRICT, dmarc->domain);
        finding_add_text(finding, "tag", span_of("adkim"));
        finding_add_text(finding, "found", dkim->domain_ascii);
        break;
    }
    if (dmarc->strict_spf && !dmarc->spf_aligned && spf->result == RESULT_PASS &&
        domain_name_is_related(spf->domain, dmarc->domain)) {
        struct finding *finding = add(list, FINDING_DMARC_STRICT, dmarc->domain);
        finding_add_text(finding, "tag", span_of("aspf"));
        finding_add_text(finding, "found", spf->domain);
    }
}

static void look_at_historic(const struct tag_list *tags, struct span domain, struct finding_list *list) {
    static const char *const historic[] = {"pct", "rf", "ri"};
    for (size_t i = 0; i < sizeof historic / sizeof *historic; i++)
        if (tag_list_find(tags, historic[i]) != NULL)
            finding_add_text(add(list, FINDING_DMARC_HISTORIC, domain), "tag", span_of(historic[i]));
}

static void look_at_subdomains(const struct dmarc_record *record, struct span domain, struct finding_list *list) {
    bool below = record->subdomain_policy == DMARC_POLICY_NONE,
         absent = record->nonexistent_policy == DMARC_POLICY_NONE;
    if (record->policy == DMARC_POLICY_NONE || (!below && !absent)) return;
    struct finding *finding = add(list, FINDING_DMARC_SUBDOMAINS, domain);
    finding_add_text(finding, "tag", span_of(below ? "sp" : "np"));
}

static void look_at_dmarc_record(const struct diagnosis_policy *policy, struct finding_list *list) {
    struct span text = policy->dmarc.text[0], domain = policy->dmarc_domain;
    struct dmarc_record record;
    struct tag_list tags;
    size_t error_at;
    enum tag_list_status status = tag_list_parse(text, &tags, &error_at);
    enum dmarc_record_status read = dmarc_record_parse(text, &record);
    if (status != TAG_LIST_OK || read != DMARC_RECORD_OK) {
        bool lacks_policy = status == TAG_LIST_OK && read == DMARC_RECORD_NO_POLICY;
        finding_add_text(add(list, FINDING_DMARC_SYNTAX, domain), "text",
                         span_of(status != TAG_LIST_OK ? tag_list_status_text(status)
                                 : lacks_policy        ? "p= is missing or is no policy"
                                                       : "does not begin with v=DMARC1"));
    }
    if (status != TAG_LIST_OK) tag_list_salvage(text, &tags);
    look_at_historic(&tags, domain, list);
    if (read == DMARC_RECORD_FOREIGN) return;
    if (record.testing) add(list, FINDING_DMARC_TESTING, domain);
    look_at_subdomains(&record, domain, list);
}

static void look_at_dmarc(const struct diagnosis_input *input, struct finding_list *list) {
    const struct diagnosis_policy *policy = input->policy;
    const struct dmarc_result *dmarc = &input->result->dmarc;
    if (!dmarc->is_evaluated || policy->dmarc_domain.len == 0) return;
    look_at_strictness(input->result, list);
    if (policy->dmarc.is_known && policy->dmarc.count == 0) {
        add(list, policy->is_misplaced ? FINDING_DMARC_PLACE : FINDING_DMARC_ABSENT, policy->dmarc_domain);
    } else if (policy->dmarc.is_known && policy->dmarc.count > 1) {
        finding_add_number(add(list, FINDING_DMARC_SEVERAL, policy->dmarc_domain), "found", policy->dmarc.count);
    } else if (policy->dmarc.is_known) {
        look_at_dmarc_record(policy, list);
    }
    for (size_t i = 0; i < policy->report_count; i++)
        if (policy->report[i].is_known && !policy->report[i].is_authorised)
            finding_add_text(add(list, FINDING_DMARC_REPORTS, policy->dmarc_domain), "found", policy->report[i].domain);
    bool has_own = span_equal(dmarc->policy_domain, dmarc->domain); /* both ways find that one first */
    if (policy->suffix_organization.len > 0 && dmarc->organizational_domain.len > 0 && !has_own &&
        !span_equal_nocase(policy->suffix_organization, dmarc->organizational_domain)) {
        struct finding *finding = add(list, FINDING_DMARC_ORGANIZATION, dmarc->domain);
        finding_add_text(finding, "found", dmarc->organizational_domain);
        finding_add_text(finding, "expected", policy->suffix_organization);
    }
}

void diagnosis_path_look(const struct diagnosis_input *input, struct finding_list *list) {
    if (input->policy == NULL) return;
    const struct spf_result *spf = spf_of(input->result);
    if (spf->is_evaluated) look_at_verdict(input, spf, list);
    look_at_spf_record(input->policy, list);
    look_at_dmarc(input, list);
}
