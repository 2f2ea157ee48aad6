#include "verifier/domain_policy.h"
#include "verifier/spf_record.h"
#include "verifier/tag_list.h"

const char *domain_policy_state_word(enum domain_policy_state state) {
#define X(id, word) [id] = word,
    static const char *const words[] = {DOMAIN_POLICY_STATES(X)};
#undef X
    return words[state];
}

enum dmarc_policy domain_policy_below(const struct dmarc_record *record, bool exists) {
    return dmarc_record_policy_for(record, true, exists);
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static bool is_answered(const struct domain_policy_place *place) {
    return place->status == DNS_FOUND || place->status == DNS_NXDOMAIN || place->status == DNS_NODATA;
}

/* What DNS said, without the records. */
static void write_answer(struct json *json, const struct domain_policy_place *place) {
    json_key_string(json, "name", place->name);
    json_key_text(json, "dns", dns_status_word(place->status));
    json_key_text(json, "dnssec", dnssec_state_word(place->dnssec));
    report_write_optional(json, "reason", place->reason);
    report_write_optional_number(json, "ttl", is_answered(place), place->ttl_s);
    json_key(json, "cname");
    json_array(json);
    for (size_t i = 0; i < place->cname_count; i++) json_string(json, place->cname[i]);
    json_array_end(json);
    json_key(json, "cname_ttl");
    json_array(json);
    for (size_t i = 0; i < place->cname_count; i++) json_uint(json, place->cname_ttl_s[i]);
    json_array_end(json);
    json_key_uint(json, "records", place->count);
}

static void write_texts(struct json *json, const struct domain_policy_place *place) {
    json_key(json, "texts");
    json_array(json);
    for (size_t i = 0; place != NULL && i < place->count && i < DOMAIN_POLICY_TEXTS_MAX; i++)
        json_string(json, place->text[i]);
    json_array_end(json);
}

static const char *mechanism_word(enum spf_mechanism mechanism) {
#define X(id, word) [id] = word,
    static const char *const words[] = {SPF_MECHANISMS(X)};
#undef X
    return words[mechanism];
}

/* The directives in their order, those of a record that can be read. */
static void write_terms(struct json *json, const struct domain_policy *policy) {
    struct spf_record record = {.terms = {NULL, 0}};
    struct spf_directive directive;
    struct span error_term;
    if (policy->spf_state == DOMAIN_POLICY_VALID) spf_record_parse(policy->spf.text[0], &record, &error_term);
    json_key(json, "terms");
    json_array(json);
    for (size_t at = 0; spf_record_next(&record, &at, &directive);) {
        json_object(json);
        json_key_string(json, "term", directive.text);
        json_key_text(json, "mechanism", mechanism_word(directive.mechanism));
        json_key_text(json, "result", auth_result_word(directive.qualifier));
        json_object_end(json);
    }
    json_array_end(json);
    report_write_optional(json, "redirect", record.redirect);
}

static void write_spf(struct json *json, const struct domain_policy *policy) {
    json_key(json, "spf");
    json_object(json);
    json_key_text(json, "state", domain_policy_state_word(policy->spf_state));
    write_answer(json, &policy->spf);
    write_texts(json, &policy->spf);
    write_terms(json, policy);
    json_key(json, "findings");
    finding_write_json(json, &policy->spf_findings);
    json_object_end(json);
}

static void write_tags(struct json *json, const struct domain_policy *policy) {
    struct tag_list tags;
    tag_list_salvage(policy->record_text, &tags);
    json_key(json, "tags");
    json_object(json);
    for (size_t i = 0; i < tags.count; i++) {
        json_key_span(json, tags.tag[i].name);
        json_string(json, tags.tag[i].value);
    }
    json_object_end(json);
}

/* What the record asks for, defaults included. */
static void write_policy(struct json *json, const struct domain_policy *policy) {
    static const char *const psd[] = {[DMARC_PSD_UNKNOWN] = NULL, [DMARC_PSD_NO] = "n", [DMARC_PSD_YES] = "y"};
    json_key(json, "policy");
    if (!policy->has_record || policy->record.policy == DMARC_POLICY_ABSENT) {
        json_null(json);
        return;
    }
    json_object(json);
    json_key_text(json, "p", dmarc_policy_word(policy->record.policy));
    json_key_text(json, "sp", dmarc_policy_word(domain_policy_below(&policy->record, true)));
    json_key_text(json, "np", dmarc_policy_word(domain_policy_below(&policy->record, false)));
    json_key_bool(json, "t", policy->record.testing);
    json_key_text(json, "adkim", policy->record.strict_dkim ? "s" : "r");
    json_key_text(json, "aspf", policy->record.strict_spf ? "s" : "r");
    json_key_text(json, "psd", psd[policy->record.psd]);
    json_object_end(json);
}

static void write_asked(struct json *json, const struct domain_policy *policy) {
    json_key(json, "asked");
    json_array(json);
    for (size_t i = 0; i < policy->asked; i++) {
        json_object(json);
        write_answer(json, &policy->dmarc[i]);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_dmarc(struct json *json, const struct domain_policy *policy) {
    const struct domain_policy_place *found = policy->has_record ? &policy->dmarc[policy->found_at] : NULL;
    json_key(json, "dmarc");
    json_object(json);
    json_key_text(json, "state", domain_policy_state_word(policy->dmarc_state));
    report_write_optional(json, "name", found != NULL ? found->name : (struct span){NULL, 0});
    report_write_optional(json, "policy_domain", policy->policy_domain);
    json_key_bool(json, "inherited", policy->is_inherited);
    report_write_optional(json, "organizational_domain", policy->organization);
    json_key_text(json, "applied", dmarc_policy_word(policy->applied));
    write_policy(json, policy);
    write_tags(json, policy);
    write_texts(json, found != NULL ? found : policy->asked > 0 ? &policy->dmarc[0] : NULL);
    write_asked(json, policy);
    json_key(json, "findings");
    finding_write_json(json, &policy->dmarc_findings);
    json_object_end(json);
}

void domain_policy_write_json(struct json *json, const struct domain_policy *policy) {
    write_spf(json, policy);
    write_dmarc(json, policy);
}
