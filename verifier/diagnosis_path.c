#include "verifier/diagnosis_path.h"
#include "verifier/domain_name.h"
#include "verifier/policy_judge.h"

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

static void look_at_spf_record(const struct diagnosis_policy *policy, struct finding_list *list) {
    if (!policy->spf.is_known || policy->spf.count == 0) return;
    if (policy->spf.count > 1)
        finding_add_number(add(list, FINDING_SPF_SEVERAL, policy->spf_domain), "found", policy->spf.count);
    else
        policy_judge_spf(policy->spf.text[0], policy->spf_domain, list);
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
        policy_judge_dmarc(policy->dmarc.text[0], policy->dmarc_domain, list);
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
