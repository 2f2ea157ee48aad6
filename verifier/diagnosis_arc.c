#include "verifier/diagnosis_arc.h"
#include "verifier/auth_results_reader.h"
#include "verifier/domain_name.h"

enum { PREFIX_MIN = 8 }; /* characters of b= by which a signature is known: what RFC 6008 asks for at least */

static struct finding *add(struct finding_list *list, enum finding_id id, unsigned hop) {
    struct finding *finding = finding_add(list, id);
    finding_add_number(finding, "found", hop);
    finding->hop = hop;
    return finding;
}

/* ---- The chain ---- */

static void look_at_verdict(const struct diagnosis_input *input, struct finding_list *list) {
    const struct arc_result *arc = &input->result->arc;
    static const struct {
        enum arc_code code;
        enum finding_id id;
    } kinds[] = {{ARC_STRUCTURE, FINDING_ARC_STRUCTURE},
                 {ARC_CV, FINDING_ARC_CV},
                 {ARC_SEAL, FINDING_ARC_SEAL},
                 {ARC_MESSAGE_SIGNATURE, FINDING_ARC_MESSAGE}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (arc->code == kinds[i].code && (input->has_body || arc->code != ARC_MESSAGE_SIGNATURE))
            add(list, kinds[i].id, arc->failed_set);
    if (arc->result == RESULT_PASS && arc->oldest_pass > 0) add(list, FINDING_ARC_OLDEST, arc->oldest_pass);
}

/* ---- Places ---- */

/* The places of a set's fields, counted from the top. False: it has none. */
static bool reach_of(const struct arc_set *set, const struct header_section *section, size_t *first, size_t *last) {
    const struct header_field *const fields[] = {set->results, set->message, set->seal};
    bool any = false;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i] == NULL) continue;
        size_t at = (size_t)(fields[i] - section->fields);
        if (!any || at < *first) *first = at;
        if (!any || at > *last) *last = at;
        any = true;
    }
    return any;
}

/* Each sealer puts its set on top (RFC 8617 section 5.1): a newer one below an older one was moved, and one that is not
 * there at all was taken away. */
static void look_at_places(const struct diagnosis_input *input, const struct arc_chain *chain,
                           struct finding_list *list) {
    size_t first = 0, last = 0, older_first = SIZE_MAX;
    for (unsigned i = 0; i < chain->newest; i++) {
        if (!reach_of(&chain->set[i], input->section, &first, &last)) {
            add(list, FINDING_ARC_REMOVED, i + 1);
            continue;
        }
        if (last > older_first) {
            add(list, FINDING_ARC_REORDERED, i + 1);
            return;
        }
        older_first = first;
    }
}

/* ---- What sealers found ---- */

/* Behind "i=1;", whose comments may hold a semicolon, too. */
static struct span behind_instance(struct span body) {
    unsigned depth = 0;
    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];
        if (c == ';' && depth == 0) return span_after(body, i + 1);
        depth += c == '(';
        depth -= c == ')' && depth > 0;
    }
    return span_after(body, body.len);
}

static struct span prop_of(const struct auth_results_info *info, const char *property) {
    for (size_t i = 0; i < info->prop_count; i++)
        if (span_is(info->prop[i].ptype, "header") && span_is(info->prop[i].property, property))
            return info->prop[i].value;
    return (struct span){NULL, 0};
}

/* Does the claim speak of this very signature? Its b= says so, since a domain may sign twice. */
static bool speaks_of(const struct auth_results_info *info, const struct dkim_result *dkim) {
    struct span prefix = prop_of(info, "b");
    return span_is(info->method, "dkim") && span_is(info->result, "pass") && prefix.len >= PREFIX_MIN &&
           prefix.len <= dkim->signature.len && span_equal(prefix, span_first(dkim->signature, prefix.len));
}

static bool is_broken(const struct dkim_result *dkim) {
    return dkim->code == DKIM_BODY_HASH_MISMATCH || dkim->code == DKIM_SIGNATURE_MISMATCH ||
           dkim->code == DKIM_BODY_TOO_SHORT;
}

static void compare_results(const struct diagnosis_input *input, const struct auth_results *results, unsigned hop,
                            struct finding_list *list) {
    for (size_t i = 0; i < input->result->dkim_count && i < DIAGNOSIS_SIGNATURES_MAX; i++) {
        const struct dkim_result *dkim = &input->result->dkim[i];
        bool is_claimed = false;
        for (size_t k = 0; k < results->count; k++) is_claimed |= speaks_of(&results->info[k], dkim);
        if (!is_claimed || !is_broken(dkim)) continue;
        struct finding *finding = finding_add(list, FINDING_ARC_PASSED);
        finding->hop = hop;
        finding->has_signature = true;
        finding->signature = i;
        finding_add_text(finding, "domain", dkim->domain_ascii);
        finding_add_text(finding, "name", results->authserv_id);
        finding_add_number(finding, "hop", hop);
        /* Seals that verify say that the claim is its writer's; whether to believe the writer is another matter. */
        if (input->result->arc.result != RESULT_PASS) finding->certainty = FINDING_GUESS;
    }
}

/* The newest set that says so is enough: what it saw was changed behind it. */
static void look_at_claims(const struct diagnosis_input *input, const struct arc_chain *chain, struct arena *arena,
                           struct finding_list *list) {
    size_t before = list->count;
    for (unsigned i = chain->newest; i >= 1 && list->count == before; i--) {
        struct auth_results results;
        size_t error_at;
        if (chain->set[i - 1].results == NULL) continue;
        struct span value = behind_instance(chain->set[i - 1].results->body);
        if (auth_results_read(value, arena, &results, &error_at) == AUTH_RESULTS_OK)
            compare_results(input, &results, i, list);
    }
}

void diagnosis_arc_look(const struct diagnosis_input *input, const struct arc_chain *chain, struct arena *arena,
                        struct finding_list *list) {
    if (!input->result->arc.is_evaluated) return;
    look_at_verdict(input, list);
    look_at_places(input, chain, list);
    look_at_claims(input, chain, arena, list);
}
