#include "verifier/diagnosis.h"
#include <stdio.h>
#include "base/ascii.h"
#include "verifier/diagnosis_arc.h"
#include "verifier/diagnosis_body.h"
#include "verifier/diagnosis_compare.h"
#include "verifier/diagnosis_header.h"
#include "verifier/diagnosis_keys.h"
#include "verifier/diagnosis_message.h"
#include "verifier/diagnosis_others.h"
#include "verifier/diagnosis_path.h"
#include "verifier/diagnosis_signing.h"

const struct diagnosis_budget diagnosis_budget_filter = {.octets = 1 << 20, .header_trials = 200, .verifications = 4};
const struct diagnosis_budget diagnosis_budget_tester = {
    .octets = 48 << 20, .header_trials = 2000, .verifications = 200};

enum { KEY_NAME_MAX = 253 };

/* One diagnosis under way. */
struct work {
    const struct diagnosis_input *input;
    struct arena *arena;
    struct diagnosis *out;
    struct diagnosis_signatures all;
    struct arc_chain chain;
    struct body_search body;
    bool body_is_ready;
};

static struct finding *add(struct work *work, size_t index, enum finding_id id) {
    struct finding *finding = finding_add(&work->out->findings, id);
    finding->has_signature = true;
    finding->signature = index;
    return finding;
}

/* ---- What the code alone says ---- */

static const struct code_finding {
    enum dkim_code code;
    enum finding_id id;
} code_findings[] = {
    {DKIM_SIG_MISSING_TAG, FINDING_SIG_TAG_MISSING},
    {DKIM_SIG_SYNTAX, FINDING_SIG_BROKEN},
    {DKIM_SIG_DUPLICATE_TAG, FINDING_SIG_BROKEN},
    {DKIM_SIG_VERSION, FINDING_SIG_VERSION},
    {DKIM_SIG_ALGORITHM, FINDING_SIG_ALGORITHM},
    {DKIM_SIG_SHA1, FINDING_SIG_SHA1},
    {DKIM_SIG_FROM_UNSIGNED, FINDING_SIG_FROM},
    {DKIM_SIG_IDENTITY, FINDING_SIG_IDENTITY},
    {DKIM_SIG_EXPIRED, FINDING_SIG_EXPIRED},
    {DKIM_SIG_EXPIRES_BEFORE_SIGNED, FINDING_SIG_BACKWARDS},
    {DKIM_SIG_FUTURE, FINDING_SIG_FUTURE},
    {DKIM_SIG_DOMAIN, FINDING_SIG_DOMAIN},
    {DKIM_SIG_QUERY_METHOD, FINDING_SIG_QUERY},
    {DKIM_SIG_CANONICALIZATION, FINDING_SIG_QUERY},
    {DKIM_KEY_MISSING, FINDING_KEY_ABSENT},
    {DKIM_KEY_REVOKED, FINDING_REVOKED},
    {DKIM_KEY_SYNTAX, FINDING_RECORD_BROKEN},
    {DKIM_KEY_TYPE, FINDING_RECORD_TYPE},
    {DKIM_KEY_HASH, FINDING_NO_SHA256},
    {DKIM_KEY_SERVICE, FINDING_NOT_FOR_EMAIL},
    {DKIM_KEY_STRICT_IDENTITY, FINDING_KEY_STRICT},
    {DKIM_KEY_TOO_SMALL, FINDING_KEY_TOO_SMALL},
    {DKIM_KEY_TOO_LARGE, FINDING_KEY_TOO_LARGE},
    {DKIM_DNS_SERVFAIL, FINDING_DNS_SERVFAIL},
    {DKIM_DNS_TIMEOUT, FINDING_DNS_TIMEOUT},
    {DKIM_DNS_BOGUS, FINDING_DNS_BOGUS},
    {DKIM_LIMIT, FINDING_SIG_TOO_MANY},
    {DKIM_BODY_UNSIGNED_OCTETS, FINDING_BODY_UNSIGNED},
};

static struct span number_text(int64_t number, struct arena *arena) {
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)number);
    return arena_copy(arena, (struct span){text, (size_t)len});
}

/* What {found} means for a code. */
static struct span found_for(const struct dkim_result *result, struct arena *arena) {
    switch (result->code) {
    case DKIM_SIG_IDENTITY: return result->auid;
    case DKIM_SIG_EXPIRED:
    case DKIM_SIG_EXPIRES_BEFORE_SIGNED: return number_text(result->expiration_s, arena);
    case DKIM_SIG_FUTURE: return number_text(result->timestamp_s, arena);
    default: return result->algorithm;
    }
}

static struct span name_for(const struct dkim_result *result, struct arena *arena) {
    struct bytes name = bytes_with_cap(1024);
    bytes_append(&name, result->selector);
    bytes_append_text(&name, "._domainkey.");
    bytes_append(&name, result->domain_ascii.len > 0 ? result->domain_ascii : result->domain);
    struct span copy = arena_copy(arena, bytes_span(&name));
    bytes_release(&name);
    return copy;
}

/* False: the code is none that says all by itself. */
static bool explain_code(struct work *work, size_t index) {
    const struct dkim_result *result = &work->input->result->dkim[index];
    for (size_t i = 0; i < sizeof code_findings / sizeof *code_findings; i++) {
        if (code_findings[i].code != result->code) continue;
        struct finding *finding = add(work, index, code_findings[i].id);
        finding_add_text(finding, "name", name_for(result, work->arena));
        finding_add_text(finding, "domain", result->domain);
        finding_add_text(finding, "found", found_for(result, work->arena));
        finding_add_text(finding, "text",
                         result->detail.len > 0 ? result->detail : span_of(dkim_code_text(result->code)));
        bool counts_bits = result->code == DKIM_KEY_TOO_SMALL || result->code == DKIM_KEY_TOO_LARGE;
        finding_add_number(finding, counts_bits ? "bits" : "octets",
                           counts_bits ? result->key_bits : result->unsigned_octets);
        return true;
    }
    return false;
}

/* ---- One signature ---- */

static void mark(struct work *work, size_t from, size_t index) {
    for (size_t i = from; i < work->out->findings.count; i++) {
        work->out->findings.finding[i].has_signature = true;
        work->out->findings.finding[i].signature = index;
    }
}

static const struct mime_tree *tree_of(struct work *work) { return work->body_is_ready ? &work->body.tree : NULL; }

/* What is known of the header part when the body's turn comes. */
struct header_answer {
    bool is_protected; /* the signature was verified, as it came or with the fields put right: bh= is the signer's */
    bool is_explained;
};

static void explain_with_key(struct work *work, size_t index, struct header_trial *trial,
                             struct diagnosis_budget *budget, struct header_answer *answer) {
    const struct dkim_signature *signature = trial->signature;
    struct finding_list *list = &work->out->findings;
    struct signature_key key;
    uint8_t hash[DIGEST_OCTETS];
    size_t before = list->count;
    diagnosis_keys_find(work->input, signature, budget, &key);
    if (!header_trial_hash(trial, HEADER_AS_DECLARED, NULL, 0, hash)) return;
    if (!key.made_it) {
        diagnosis_keys_explain(work->input, signature, &key, hash, budget, work->arena, list);
        bool is_wrong = list->count > before && list->finding[list->count - 1].id == FINDING_WRONG_KEY;
        if (is_wrong) diagnosis_others_key(work->input, index, signature->key_name, list);
    }
    if (list->count == before && key.other_hash) add(work, index, FINDING_SIG_OTHER_HASH);
    answer->is_explained = list->count > before;
    if (answer->is_explained || key.record == NULL) return;
    header_trial_aim(trial, key.record->key, signature->key_algorithm == KEY_RSA ? key.value : NULL);
    answer->is_protected = answer->is_explained = diagnosis_header_explain(trial, tree_of(work), work->arena, list);
}

/* Nothing fits: a field that every message has, or that signers name only when it is there, is signed and absent. */
static bool guess_removed(struct work *work, size_t index) {
    static const char *const expected[] = {"To",         "Cc",           "Subject",      "Date",
                                           "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"};
    const struct dkim_signature *signature = &work->all.signature[index];
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        size_t times = 0;
        for (size_t k = 0; k < signature->signed_count; k++)
            times += span_is_nocase(signature->signed_names[k], expected[i]);
        if (times != 1 || header_section_count(work->input->section, expected[i]) > 0) continue;
        struct finding *finding = add(work, index, FINDING_FIELD_REMOVED);
        finding->certainty = FINDING_GUESS;
        finding_add_text(finding, "name", span_of(expected[i]));
        return true;
    }
    return false;
}

/* The header part did not verify, or there was no key to verify it with. */
static struct header_answer explain_header(struct work *work, size_t index, struct diagnosis_budget *budget) {
    const struct dkim_result *result = &work->input->result->dkim[index];
    const struct dkim_signature *signature = &work->all.signature[index];
    struct header_answer answer = {.is_protected = result->header_part == PART_INTACT};
    struct header_trial trial;
    size_t before = work->out->findings.count;
    if (answer.is_protected) return answer;
    if (header_trial_init(&trial, work->input->section, signature, &work->input->section->fields[result->field_index],
                          budget, work->arena))
        explain_with_key(work, index, &trial, budget, &answer);
    header_trial_release(&trial);
    mark(work, before, index);
    if (result->header_part != PART_CHANGED || answer.is_explained) return answer;
    diagnosis_compare_fields(work->input, &work->all, index, work->arena, &work->out->findings);
    if (!guess_removed(work, index))
        add(work, index, signature->key_algorithm == KEY_RSA ? FINDING_HEADER_CHANGED : FINDING_SIG_UNTOLD);
    return answer;
}

/* Two signatures over one body in one form: what was said of the first holds for the second. */
static bool was_said(const struct work *work, size_t index) {
    const struct dkim_signature *one = &work->all.signature[index];
    for (size_t i = 0; i < index; i++) {
        const struct dkim_signature *other = &work->all.signature[i];
        if (work->input->result->dkim[i].body_part == PART_CHANGED && other->code == DKIM_OK &&
            one->body_canon == other->body_canon && one->has_body_limit == other->has_body_limit &&
            one->body_limit == other->body_limit && span_equal(one->body_hash, other->body_hash))
            return true;
    }
    return false;
}

static void explain_body(struct work *work, size_t index, bool is_protected, struct diagnosis_budget *budget) {
    const struct dkim_result *result = &work->input->result->dkim[index];
    const struct dkim_signature *signature = &work->all.signature[index];
    size_t before = work->out->findings.count;
    if (result->body_part != PART_CHANGED || !work->body_is_ready || was_said(work, index)) return;
    if (signature->has_body_limit && signature->body_limit > result->body_octets) {
        struct finding *finding = add(work, index, FINDING_BODY_TOO_SHORT);
        finding_add_number(finding, "expected", signature->body_limit);
        finding_add_number(finding, "found", result->body_octets);
    } else {
        diagnosis_body_explain(&work->body, signature, is_protected, budget, &work->out->findings);
        diagnosis_compare_bodies(work->input, &work->all, index, &work->chain, work->arena, &work->out->findings);
    }
    mark(work, before, index);
}

/* The refined cause: of the first finding about this signature that has one. A body that was changed speaks first. */
static enum cause cause_for(const struct work *work, size_t index, size_t from) {
    const struct dkim_result *result = &work->input->result->dkim[index];
    enum cause cause = dkim_code_cause(result->code);
    if (result->code != DKIM_BODY_HASH_MISMATCH && result->code != DKIM_SIGNATURE_MISMATCH &&
        result->code != DKIM_KEY_SYNTAX)
        return cause;
    for (size_t i = from; i < work->out->findings.count; i++) {
        enum cause refined = finding_cause(work->out->findings.finding[i].id);
        bool is_body = refined >= CAUSE_BODY_APPENDED && refined <= CAUSE_BODY_OTHER;
        if (refined == CAUSE_NONE || is_body != (result->code == DKIM_BODY_HASH_MISMATCH)) continue;
        return refined;
    }
    return cause;
}

static void count_cost(struct diagnosis *out, const struct diagnosis_budget *whole,
                       const struct diagnosis_budget *left) {
    out->octets += whole->octets - left->octets;
    out->header_trials += whole->header_trials - left->header_trials;
    out->verifications += whole->verifications - left->verifications;
}

static void diagnose(struct work *work, size_t index) {
    const struct dkim_result *result = &work->input->result->dkim[index];
    struct diagnosis_budget budget = work->input->budget;
    size_t before = work->out->findings.count;
    if (result->result == RESULT_PASS || result->code == DKIM_NO_MEMORY) return;
    bool said = explain_code(work, index);
    bool mismatch = result->code == DKIM_SIGNATURE_MISMATCH || result->body_part == PART_CHANGED ||
                    diagnosis_wants_neighbours(result);
    if (mismatch && work->all.signature[index].code == DKIM_OK) {
        struct header_answer header = explain_header(work, index, &budget);
        explain_body(work, index, header.is_protected, &budget);
        if (result->body_part == PART_CHANGED && result->header_part == PART_INTACT)
            add(work, index, FINDING_HEADER_INTACT);
        if (result->header_part == PART_CHANGED && result->body_part == PART_INTACT && !said)
            add(work, index, FINDING_BODY_INTACT);
    }
    work->out->cause[index] = cause_for(work, index, before);
    count_cost(work->out, &work->input->budget, &budget);
}

/* ---- The whole message ---- */

static bool any_failed(const struct message_result *result) {
    for (size_t i = 0; i < result->dkim_count; i++)
        if (result->dkim[i].result != RESULT_PASS) return true;
    return false;
}

static bool begin(struct work *work) {
    const struct message_result *result = work->input->result;
    size_t count = work->all.count;
    work->all.signature = arena_alloc(work->arena, (count + 1) * sizeof *work->all.signature);
    if (work->all.signature == NULL) return false;
    for (size_t i = 0; i < count; i++) {
        size_t at = result->dkim[i].field_index;
        struct dkim_signature *signature = &work->all.signature[i];
        signature->code = DKIM_NO_MEMORY;
        if (at >= work->input->section->count ||
            !span_is_nocase(work->input->section->fields[at].name, "DKIM-Signature"))
            continue;
        if (!dkim_signature_parse(&work->input->section->fields[at], work->arena, signature)) return false;
    }
    if (!arc_set_collect(work->input->section, work->arena, &work->chain)) return false;
    if (!work->input->has_body || !any_failed(result)) return true;
    work->body_is_ready = diagnosis_body_init(&work->body, work->input->section, work->input->body, work->arena);
    if (!work->body_is_ready) diagnosis_body_release(&work->body);
    return work->body_is_ready;
}

static void look_at_message(struct work *work) {
    struct finding_list *list = &work->out->findings;
    diagnosis_signing_look(work->input, &work->all, work->arena, list);
    diagnosis_message_look(work->input, &work->all, work->arena, list);
    diagnosis_arc_look(work->input, &work->chain, work->arena, list);
    diagnosis_path_look(work->input, list);
    diagnosis_others_look(work->input, list);
}

bool diagnosis_run(const struct diagnosis_input *input, struct arena *arena, struct diagnosis *out) {
    const struct message_result *result = input->result;
    struct work work = {.input = input, .arena = arena, .out = out};
    *out = (struct diagnosis){.octets = 0};
    work.all.count = result->dkim_count < DIAGNOSIS_SIGNATURES_MAX ? result->dkim_count : DIAGNOSIS_SIGNATURES_MAX;
    for (size_t i = 0; i < DIAGNOSIS_SIGNATURES_MAX; i++)
        out->cause[i] = i < work.all.count ? dkim_code_cause(result->dkim[i].code) : CAUSE_NONE;
    bool ready = begin(&work);
    for (size_t i = 0; ready && i < work.all.count; i++) diagnose(&work, i);
    if (ready) look_at_message(&work);
    if (work.body_is_ready) diagnosis_body_release(&work.body);
    return ready;
}

/* ---- Neighbours ---- */

bool diagnosis_wants_neighbours(const struct dkim_result *result) {
    return (result->code == DKIM_SIGNATURE_MISMATCH || result->code == DKIM_KEY_MISSING ||
            result->code == DKIM_KEY_SYNTAX || result->code == DKIM_KEY_REVOKED ||
            (result->code == DKIM_BODY_HASH_MISMATCH && result->header_part == PART_CHANGED)) &&
           result->selector.len > 0 && result->domain_ascii.len > 0;
}

static struct span key_name(struct span selector, struct span domain, struct arena *arena) {
    struct bytes name = bytes_with_cap(KEY_NAME_MAX);
    for (size_t i = 0; i < selector.len; i++) bytes_append_char(&name, ascii_lower(selector.ptr[i]));
    bytes_append_text(&name, "._domainkey.");
    bytes_append(&name, domain);
    struct span copy = name.failed ? (struct span){NULL, 0} : arena_copy(arena, bytes_span(&name));
    bytes_release(&name);
    return copy;
}

struct span diagnosis_key_name(const struct dkim_result *result, struct arena *arena) {
    return key_name(result->selector, result->domain_ascii, arena);
}

static void add_neighbour(struct arena *arena, struct span selector, struct span domain, struct span *names,
                          size_t *count) {
    struct span name = key_name(selector, domain, arena);
    if (name.len > 0 && *count < DIAGNOSIS_NEIGHBOURS_MAX) names[(*count)++] = name;
}

size_t diagnosis_neighbours(const struct dkim_result *result, struct arena *arena,
                            struct span names[DIAGNOSIS_NEIGHBOURS_MAX]) {
    static const char *const usual[] = {"default", "mail", "dkim", "selector1"};
    size_t count = 0;
    struct span selector = result->selector;
    char last = selector.len > 0 ? selector.ptr[selector.len - 1] : '\0';
    if (last == '1' || last == '2') {
        struct span other = arena_copy(arena, selector);
        if (other.len > 0) {
            char *digit = (char *)(size_t)other.ptr + other.len - 1; /* the copy is ours */
            *digit = last == '1' ? '2' : '1';
            add_neighbour(arena, other, result->domain_ascii, names, &count);
        }
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (!span_is_nocase(selector, usual[i]))
            add_neighbour(arena, span_of(usual[i]), result->domain_ascii, names, &count);
    return count;
}
