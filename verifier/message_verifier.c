#include "verifier/message_verifier.h"
#include <stdlib.h>
#include "base/arena.h"
#include "verifier/arc_check.h"
#include "verifier/body_hash.h"
#include "verifier/dkim_check.h"
#include "verifier/field_index.h"
#include "verifier/from_field.h"
#include "verifier/key_wait.h"
#include "verifier/received_time.h"

enum {
    ARENA_MAX = 4 * 1024 * 1024, /* octets one message's parse may take: 32 signatures of the largest size fit */
    ARENA_FIRST = 4 * 1024,      /* 25 fields and one signature take 3,000 */
};

enum stage { STAGE_HEADER, STAGE_BODY, STAGE_AWAIT_KEYS, STAGE_DONE, STAGE_REFUSED };

/* One DKIM-Signature field and what it waits for. */
struct candidate {
    struct dkim_check check;
    struct body_hash *body; /* NULL until it took its turn */
    struct key_wait *key;
};

struct message_verifier {
    const struct verifier_policy *policy;
    const struct clock *clock;
    struct arena *arena;
    void (*done)(void *owner);
    void *owner;

    enum stage stage;
    struct header_section section;
    enum header_status header_status;
    bool out_of_memory; /* the arena is spent: the message gets temperror */
    struct digest header_digest;
    struct body_hash_set bodies;
    struct body_hash *seal_body; /* of bodies; NULL: not wanted, or no memory */
    struct key_wait_set keys;
    struct candidate *candidates; /* in order of the fields; arena */
    size_t candidate_count, unseen_count;
    struct arc_check arc;
    uint64_t size;
    struct message_result result;
    struct dkim_result no_memory; /* the result that needs none */
};

static void key_answered(void *owner, struct key_wait *wait);

/* Without a candidate there is no array either, and nothing may be added to its pointer. */
static struct candidate *candidates_end(const struct message_verifier *verifier) {
    return verifier->candidate_count > 0 ? verifier->candidates + verifier->candidate_count : verifier->candidates;
}

static bool make_parts(struct message_verifier *verifier, struct key_source *keys) {
    const struct verifier_policy *policy = verifier->policy;
    size_t bodies = policy->signatures_verified_max + policy->arc_bodies_max + 1; /* and the seal's */
    size_t waits = policy->key_lookups_max + policy->arc_keys_max;
    verifier->arena = arena_create_small(ARENA_MAX, ARENA_FIRST);
    return verifier->arena != NULL && digest_init(&verifier->header_digest) && body_hash_init(&verifier->bodies, bodies) &&
           key_wait_init(&verifier->keys, keys, waits, key_answered, verifier);
}

struct message_verifier *message_verifier_create(const struct verifier_policy *policy, struct key_source *keys,
                                                 const struct clock *clock) {
    struct message_verifier *verifier = calloc(1, sizeof *verifier);
    if (verifier == NULL) return NULL;
    *verifier = (struct message_verifier){.policy = policy, .clock = clock, .stage = STAGE_DONE};
    header_section_init(&verifier->section, policy->header);
    arc_check_init(&verifier->arc, policy);
    if (make_parts(verifier, keys)) return verifier;
    message_verifier_destroy(verifier);
    return NULL;
}

void message_verifier_destroy(struct message_verifier *verifier) {
    if (verifier == NULL) return;
    key_wait_release(&verifier->keys);
    body_hash_release(&verifier->bodies);
    arc_check_release(&verifier->arc);
    digest_release(&verifier->header_digest);
    header_section_release(&verifier->section);
    arena_destroy(verifier->arena);
    free(verifier);
}

void message_verifier_begin(struct message_verifier *verifier, void (*done)(void *owner), void *owner) {
    key_wait_forget(&verifier->keys);
    body_hash_reset(&verifier->bodies);
    header_section_reset(&verifier->section);
    arena_reset(verifier->arena);
    verifier->done = done;
    verifier->owner = owner;
    verifier->stage = STAGE_HEADER;
    verifier->header_status = HEADER_MORE;
    verifier->out_of_memory = false;
    verifier->seal_body = NULL;
    verifier->candidates = NULL;
    verifier->candidate_count = verifier->unseen_count = 0;
    verifier->size = 0;
    verifier->result = (struct message_result){.dkim_count = 0};
}

/* ---- The header section is complete: read the signatures, choose, send the key lookups off. ---- */

static void pass_key_on(struct message_verifier *verifier, const struct key_wait *wait) {
    for (struct candidate *c = verifier->candidates; c < candidates_end(verifier); c++)
        if (c->key == wait && !dkim_check_is_done(&c->check)) dkim_check_key(&c->check, wait->entry, wait->failure);
}

static void complete(struct message_verifier *verifier);

static bool all_done(const struct message_verifier *verifier) {
    for (const struct candidate *c = verifier->candidates; c < candidates_end(verifier); c++)
        if (!dkim_check_is_done(&c->check)) return false;
    return arc_check_is_done(&verifier->arc);
}

static void key_answered(void *owner, struct key_wait *wait) {
    struct message_verifier *verifier = owner;
    pass_key_on(verifier, wait);
    arc_check_run(&verifier->arc);
    if (verifier->stage != STAGE_AWAIT_KEYS || !all_done(verifier)) return;
    complete(verifier);
    verifier->done(verifier->owner); /* may begin or destroy: nothing of the verifier is touched afterwards */
}

static void take_turn(struct message_verifier *verifier, struct candidate *candidate, struct field_index *fields) {
    unsigned one = 1; /* there is room for every signature that takes its turn */
    const struct dkim_signature *signature = &candidate->check.signature;
    candidate->body =
        body_hash_want(&verifier->bodies, signature->body_canon, signature->has_body_limit, signature->body_limit, &one);
    if (candidate->body == NULL) {
        dkim_check_give_up(&candidate->check, DKIM_NO_MEMORY);
        return;
    }
    dkim_check_take_turn(&candidate->check, fields, &verifier->header_digest);
    /* A key that was there at once, asked for by this signature or an earlier one. */
    if (candidate->key->is_answered && !dkim_check_is_done(&candidate->check))
        dkim_check_key(&candidate->check, candidate->key->entry, candidate->key->failure);
}

/* Verifies the signatures that are sound in themselves, those aligned with From first, then top down. The
 * lookups leave before any hashing. */
static void choose(struct message_verifier *verifier, struct field_index *fields) {
    struct candidate *end = candidates_end(verifier);
    unsigned chosen = 0, budget = verifier->policy->key_lookups_max;
    for (int aligned = 1; aligned >= 0; aligned--) {
        for (struct candidate *c = verifier->candidates; c < end; c++) {
            if (dkim_check_is_done(&c->check) || c->check.result.aligned != aligned) continue;
            if (chosen < verifier->policy->signatures_verified_max)
                c->key = key_wait_ask(&verifier->keys, c->check.signature.key_name, &budget);
            if (c->key == NULL) dkim_check_give_up(&c->check, DKIM_LIMIT);
            else chosen++;
        }
    }
    for (struct candidate *c = verifier->candidates; c < end; c++)
        if (c->key != NULL) take_turn(verifier, c, fields);
}

static bool read_signatures(struct message_verifier *verifier, struct span from_domain, int64_t now_s) {
    const struct header_section *section = &verifier->section;
    size_t count = header_section_count(section, "DKIM-Signature");
    size_t seen = count < verifier->policy->signatures_seen_max ? count : verifier->policy->signatures_seen_max;
    verifier->unseen_count = count - seen;
    if (seen == 0) return true;
    verifier->candidates = arena_alloc(verifier->arena, seen * sizeof *verifier->candidates);
    if (verifier->candidates == NULL) return false;
    const struct header_field *field = NULL;
    for (size_t i = 0; i < seen; i++) {
        field = header_section_find(section, "DKIM-Signature", field == NULL ? 0 : (size_t)(field - section->fields) + 1);
        struct candidate *candidate = &verifier->candidates[i];
        if (!dkim_check_begin(&candidate->check, field, (size_t)(field - section->fields), from_domain, verifier->policy, now_s,
                              verifier->arena))
            return false;
        verifier->candidate_count++;
    }
    return true;
}

/* When the message entered our ADMD, as far as that is known. */
static int64_t receipt_time(const struct message_verifier *verifier) {
    int64_t now_s = clock_unix_s(verifier->clock), received_s;
    bool is_known = verifier->policy->trusts_received && received_time_of(&verifier->section, &received_s);
    return is_known && received_s < now_s ? received_s : now_s;
}

static void read_header(struct message_verifier *verifier) {
    int64_t now_s = receipt_time(verifier);
    struct from_field from;
    verifier->stage = STAGE_BODY;
    bool ok = from_field_parse(&verifier->section, verifier->arena, &from);
    if (ok) {
        verifier->result.from_fields = from.fields;
        verifier->result.from_addresses = from.addresses;
        verifier->result.from_domain = from.domain;
        ok = read_signatures(verifier, from.domain, now_s) &&
             arc_check_begin(&verifier->arc, &verifier->section, now_s, verifier->arena);
    }
    struct field_index *fields = ok ? field_index_create(&verifier->section, verifier->arena) : NULL;
    unsigned one = 1;
    if (verifier->policy->wants_seal_hash) verifier->seal_body = body_hash_want(&verifier->bodies, CANON_RELAXED, false, 0, &one);
    if (fields != NULL) {
        choose(verifier, fields);
        arc_check_take_turn(&verifier->arc, fields, &verifier->keys, &verifier->bodies);
        return;
    }
    verifier->out_of_memory = true;
    for (struct candidate *c = verifier->candidates; c < candidates_end(verifier); c++)
        dkim_check_give_up(&c->check, DKIM_NO_MEMORY);
    arc_check_give_up(&verifier->arc, ARC_NO_MEMORY);
}

/* ---- Octets ---- */

static enum verifier_progress refuse(struct message_verifier *verifier) {
    verifier->stage = STAGE_REFUSED;
    return VERIFIER_REFUSED;
}

enum verifier_progress message_verifier_update(struct message_verifier *verifier, struct span octets) {
    verifier->size += octets.len;
    if (verifier->stage == STAGE_REFUSED) return VERIFIER_REFUSED;
    if (verifier->stage == STAGE_HEADER) {
        size_t taken = 0;
        verifier->header_status = header_section_update(&verifier->section, octets, &taken);
        if (verifier->header_status == HEADER_MORE) return VERIFIER_MORE;
        if (verifier->header_status != HEADER_COMPLETE) return refuse(verifier);
        read_header(verifier);
        octets = span_after(octets, taken);
    }
    if (octets.len > 0) body_hash_update(&verifier->bodies, octets);
    return VERIFIER_MORE;
}

/* ---- The end ---- */

/* No memory at all: one result without any, so that the message is known to be undecided, not unsigned. */
static void complete_without_memory(struct message_verifier *verifier) {
    verifier->no_memory = (struct dkim_result){.result = dkim_code_result(DKIM_NO_MEMORY), .code = DKIM_NO_MEMORY};
    verifier->result.dkim = &verifier->no_memory;
    verifier->result.dkim_count = 1;
}

static void complete(struct message_verifier *verifier) {
    struct message_result *result = &verifier->result;
    size_t count = verifier->candidate_count + verifier->unseen_count;
    struct dkim_result *dkim = count > 0 ? arena_alloc(verifier->arena, count * sizeof *dkim) : NULL;
    verifier->stage = STAGE_DONE;
    result->size = verifier->size;
    result->key_lookups = (unsigned)verifier->keys.count;
    if (!verifier->policy->header_alone) result->arc = verifier->arc.result;
    if (verifier->out_of_memory || (count > 0 && dkim == NULL)) {
        complete_without_memory(verifier);
        return;
    }
    for (size_t i = 0; i < verifier->candidate_count; i++) dkim[i] = verifier->candidates[i].check.result;
    size_t below = verifier->candidate_count > 0 ? dkim[verifier->candidate_count - 1].field_index + 1 : 0;
    for (size_t i = verifier->candidate_count; i < count; i++) {
        const struct header_field *field = header_section_find(&verifier->section, "DKIM-Signature", below);
        size_t at = (size_t)(field - verifier->section.fields);
        dkim[i] = (struct dkim_result){.result = dkim_code_result(DKIM_LIMIT), .code = DKIM_LIMIT, .field_index = at};
        below = at + 1;
    }
    result->dkim = dkim;
    result->dkim_count = count;
}

static void end_body(struct message_verifier *verifier) {
    body_hash_end(&verifier->bodies);
    for (struct candidate *c = verifier->candidates; c < candidates_end(verifier); c++) {
        if (c->body == NULL || dkim_check_is_done(&c->check)) continue;
        if (c->body->is_known) dkim_check_body(&c->check, c->body->value, c->body->canon.octets);
        else dkim_check_give_up(&c->check, DKIM_NO_MEMORY);
    }
    arc_check_body_ended(&verifier->arc);
}

enum verifier_progress message_verifier_end(struct message_verifier *verifier) {
    if (verifier->stage == STAGE_REFUSED) return VERIFIER_REFUSED;
    if (verifier->stage == STAGE_HEADER) {
        verifier->header_status = header_section_finish(&verifier->section);
        if (verifier->header_status != HEADER_COMPLETE) return refuse(verifier);
        read_header(verifier);
    }
    end_body(verifier);
    verifier->stage = STAGE_AWAIT_KEYS;
    if (!all_done(verifier)) return VERIFIER_MORE;
    complete(verifier);
    return VERIFIER_DONE;
}

void message_verifier_expire(struct message_verifier *verifier) {
    if (verifier->stage != STAGE_AWAIT_KEYS) return;
    key_wait_expire(&verifier->keys);
    for (struct candidate *c = verifier->candidates; c < candidates_end(verifier); c++)
        if (!dkim_check_is_done(&c->check)) dkim_check_key(&c->check, c->key->entry, c->key->failure);
    arc_check_run(&verifier->arc);
    complete(verifier);
}

const struct message_result *message_verifier_result(const struct message_verifier *verifier) { return &verifier->result; }

bool message_verifier_seal_hash(const struct message_verifier *verifier, uint8_t value[DIGEST_OCTETS]) {
    if (verifier->seal_body == NULL || !verifier->seal_body->is_known) return false;
    memcpy(value, verifier->seal_body->value, DIGEST_OCTETS);
    return true;
}

const struct key_entry *message_verifier_key(const struct message_verifier *verifier, struct span name) {
    for (size_t i = 0; i < verifier->keys.count; i++)
        if (span_equal_nocase(verifier->keys.wait[i].name, name)) return verifier->keys.wait[i].entry;
    return NULL;
}

bool message_verifier_header_complete(const struct message_verifier *verifier) {
    return verifier->header_status == HEADER_COMPLETE;
}

const struct header_section *message_verifier_header(const struct message_verifier *verifier) { return &verifier->section; }
enum header_status message_verifier_header_status(const struct message_verifier *verifier) { return verifier->header_status; }

struct span message_verifier_author_domain(const struct message_verifier *verifier) { return verifier->result.from_domain; }

struct span message_verifier_signing_domain(const struct message_verifier *verifier, size_t index) {
    for (size_t i = 0; i < verifier->candidate_count; i++)
        if (verifier->candidates[i].key != NULL && index-- == 0) return verifier->candidates[i].check.signature.domain_ascii;
    return (struct span){NULL, 0};
}
