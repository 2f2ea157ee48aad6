#include "cli/verb_verify_explain.h"
#include <stdlib.h>
#include "base/clock.h"
#include "base/whole_file.h"
#include "verifier/policy_lookup.h"
#include "verifier/public_suffix.h"

enum { NEIGHBOURS_MAX = 16, KEYS_MAX = DIAGNOSIS_SIGNATURES_MAX + NEIGHBOURS_MAX, LOOKUP_BUDGET_MS = 5000 };

/* One neighbour's key on its way. */
struct lookup {
    struct key_request request; /* first */
    struct verify_explain *explain;
    struct span name;
    struct key_entry *entry;
    bool is_pending;
};

struct verify_explain {
    struct loop *loop;
    struct loop_timer *budget;
    struct key_source *keys;
    const struct clock *clock;
    struct policy_lookup *policy;
    struct bytes suffixes; /* empty: this machine has no such list */
    struct arena *arena;
    struct lookup lookup[NEIGHBOURS_MAX];
    size_t lookups, pending;
    struct diagnosis_key key[KEYS_MAX];
    size_t key_count;
    struct diagnosis diagnosis;
};

static void time_is_up(void *owner) { loop_stop(((struct verify_explain *)owner)->loop); }

struct verify_explain *verify_explain_create(struct loop *loop, struct key_source *keys, struct dns_source *dns,
                                             const struct clock *clock) {
    struct verify_explain *explain = calloc(1, sizeof *explain);
    if (explain == NULL) return NULL;
    explain->loop = loop;
    explain->keys = keys;
    explain->clock = clock;
    explain->policy = policy_lookup_create(dns, clock);
    explain->arena = arena_create(DIAGNOSIS_ARENA_OCTETS);
    explain->budget = loop_timer_create(loop, time_is_up, explain);
    if (explain->arena != NULL && explain->budget != NULL && explain->policy != NULL) {
        whole_file_read(PUBLIC_SUFFIX_FILE, PUBLIC_SUFFIX_OCTETS_MAX, &explain->suffixes);
        policy_lookup_use_suffixes(explain->policy, bytes_span(&explain->suffixes));
        return explain;
    }
    verify_explain_destroy(explain);
    return NULL;
}

static void forget(struct verify_explain *explain) {
    for (size_t i = 0; i < explain->lookups; i++) {
        struct lookup *lookup = &explain->lookup[i];
        if (lookup->is_pending) key_source_cancel(explain->keys, &lookup->request);
        key_entry_release(lookup->entry);
    }
    explain->lookups = explain->pending = explain->key_count = 0;
    arena_reset(explain->arena);
}

void verify_explain_destroy(struct verify_explain *explain) {
    if (explain == NULL) return;
    if (explain->arena != NULL) forget(explain);
    policy_lookup_destroy(explain->policy);
    bytes_release(&explain->suffixes);
    loop_timer_destroy(explain->budget);
    arena_destroy(explain->arena);
    free(explain);
}

static void answered(struct key_request *request, struct key_entry *entry) {
    struct lookup *lookup = (struct lookup *)(void *)request;
    lookup->entry = entry;
    lookup->is_pending = false;
    if (--lookup->explain->pending == 0) loop_stop(lookup->explain->loop);
}

static void policy_known(void *owner) {
    struct verify_explain *explain = owner;
    if (--explain->pending == 0) loop_stop(explain->loop);
}

static void look_up(struct verify_explain *explain, struct span name) {
    for (size_t i = 0; i < explain->lookups; i++)
        if (span_equal(explain->lookup[i].name, name)) return;
    if (explain->lookups == NEIGHBOURS_MAX) return;
    struct lookup *lookup = &explain->lookup[explain->lookups++];
    *lookup = (struct lookup){.request = {.ready = answered}, .explain = explain, .name = name};
    lookup->is_pending = key_source_get(explain->keys, name, &lookup->request, &lookup->entry) == KEY_PENDING;
    explain->pending += lookup->is_pending;
}

static void look_around(struct verify_explain *explain, const struct message_result *result,
                        const struct header_section *section) {
    for (size_t i = 0; i < result->dkim_count && i < DIAGNOSIS_SIGNATURES_MAX; i++) {
        struct span names[DIAGNOSIS_NEIGHBOURS_MAX];
        if (!diagnosis_wants_neighbours(&result->dkim[i])) continue;
        size_t count = diagnosis_neighbours(&result->dkim[i], explain->arena, names);
        for (size_t k = 0; k < count; k++) look_up(explain, names[k]);
    }
    explain->pending += policy_lookup_start(explain->policy, result, section, explain->arena, policy_known, explain);
    if (explain->pending == 0) return;
    loop_timer_start(explain->budget, LOOKUP_BUDGET_MS);
    loop_run(explain->loop);
    loop_timer_stop(explain->budget);
    policy_lookup_expire(explain->policy);
}

static void add_key(struct verify_explain *explain, struct span name, const struct key_entry *entry) {
    if (entry == NULL || explain->key_count == KEYS_MAX) return;
    explain->key[explain->key_count++] = (struct diagnosis_key){name, entry, DIAGNOSIS_KEY_CURRENT};
}

static void add_own_keys(struct verify_explain *explain, const struct message_verifier *verifier,
                         const struct message_result *result) {
    for (size_t i = 0; i < result->dkim_count && i < DIAGNOSIS_SIGNATURES_MAX; i++) {
        struct span name = diagnosis_key_name(&result->dkim[i], explain->arena);
        add_key(explain, name, message_verifier_key(verifier, name));
    }
}

const struct finding_list *verify_explain_run(struct verify_explain *explain, const struct message_verifier *verifier,
                                              const struct message_result *result, struct span message,
                                              bool header_alone) {
    const struct header_section *section = message_verifier_header(verifier);
    forget(explain);
    look_around(explain, result, section);
    add_own_keys(explain, verifier, result);
    for (size_t i = 0; i < explain->lookups; i++) add_key(explain, explain->lookup[i].name, explain->lookup[i].entry);
    size_t start = section->octets.len + (section->ended_by_empty_line ? 2 : 0);
    struct diagnosis_input input = {
        .section = section,
        .body = span_after(message, start < message.len ? start : message.len),
        .has_body = !header_alone,
        .result = result,
        .keys = explain->key,
        .key_count = explain->key_count,
        .budget = diagnosis_budget_tester,
        .has_now = true,
        .now_s = clock_unix_s(explain->clock),
        .policy = policy_lookup_policy(explain->policy),
    };
    diagnosis_run(&input, explain->arena, &explain->diagnosis); /* without memory: what was found until then */
    return &explain->diagnosis.findings;
}
