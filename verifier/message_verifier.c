#include "verifier/message_verifier.h"
#include <stdlib.h>
#include "base/arena.h"
#include "verifier/body_canon.h"
#include "verifier/digest.h"
#include "verifier/dkim_check.h"
#include "verifier/field_index.h"
#include "verifier/from_field.h"

enum { ARENA_MAX = 4 * 1024 * 1024 }; /* octets one message's parse may take: 32 signatures of the largest size fit */

enum stage { STAGE_HEADER, STAGE_BODY, STAGE_AWAIT_KEYS, STAGE_DONE, STAGE_REFUSED };

/* One hash of the body for each distinct (canonicalization, limit); usually one. */
struct body_hash {
    struct body_canon canon;
    struct digest digest;
    bool is_ready; /* digest was initialised; it is used again for the next message */
};

/* One key name asked for; several signatures may wait for it. */
struct key_wait {
    struct key_request request; /* first: a pointer to it is a pointer to the wait */
    struct message_verifier *verifier;
    struct span name;
    struct key_entry *entry; /* one reference, held until the next message */
    bool is_pending, is_answered;
};

/* One DKIM-Signature field and what it waits for. */
struct candidate {
    struct dkim_check check;
    struct body_hash *body; /* NULL until it took its turn */
    struct key_wait *key;
};

struct message_verifier {
    const struct verifier_policy *policy;
    struct key_source *keys;
    const struct clock *clock;
    struct arena *arena;
    void (*done)(void *owner);
    void *owner;

    enum stage stage;
    struct header_section section;
    enum header_status header_status;
    bool out_of_memory; /* the arena is spent: the message gets temperror */
    struct digest header_digest;
    struct body_hash *bodies; /* policy->signatures_verified_max of them */
    size_t body_count;
    struct key_wait *waits; /* policy->key_lookups_max of them */
    size_t wait_count;
    struct candidate *candidates; /* in order of the fields; arena */
    size_t candidate_count, unseen_count;
    uint64_t size;
    struct message_result result;
    struct dkim_result no_memory; /* the result that needs none */
};

struct message_verifier *message_verifier_create(const struct verifier_policy *policy, struct key_source *keys,
                                                 const struct clock *clock) {
    struct message_verifier *verifier = calloc(1, sizeof *verifier);
    if (verifier == NULL) return NULL;
    *verifier = (struct message_verifier){.policy = policy, .keys = keys, .clock = clock, .stage = STAGE_DONE};
    verifier->arena = arena_create(ARENA_MAX);
    verifier->bodies = calloc(policy->signatures_verified_max, sizeof *verifier->bodies);
    verifier->waits = calloc(policy->key_lookups_max, sizeof *verifier->waits);
    header_section_init(&verifier->section, policy->header);
    if (verifier->arena == NULL || verifier->bodies == NULL || verifier->waits == NULL || !digest_init(&verifier->header_digest)) {
        message_verifier_destroy(verifier);
        return NULL;
    }
    return verifier;
}

static void forget_keys(struct message_verifier *verifier) {
    for (struct key_wait *wait = verifier->waits; wait < verifier->waits + verifier->wait_count; wait++) {
        if (wait->is_pending) key_source_cancel(verifier->keys, &wait->request);
        key_entry_release(wait->entry);
        *wait = (struct key_wait){.entry = NULL};
    }
    verifier->wait_count = 0;
}

void message_verifier_destroy(struct message_verifier *verifier) {
    if (verifier == NULL) return;
    forget_keys(verifier);
    for (size_t i = 0; verifier->bodies != NULL && i < verifier->policy->signatures_verified_max; i++)
        digest_release(&verifier->bodies[i].digest);
    digest_release(&verifier->header_digest);
    header_section_release(&verifier->section);
    free(verifier->bodies);
    free(verifier->waits);
    arena_destroy(verifier->arena);
    free(verifier);
}

void message_verifier_begin(struct message_verifier *verifier, void (*done)(void *owner), void *owner) {
    forget_keys(verifier);
    header_section_reset(&verifier->section);
    arena_reset(verifier->arena);
    verifier->done = done;
    verifier->owner = owner;
    verifier->stage = STAGE_HEADER;
    verifier->header_status = HEADER_MORE;
    verifier->out_of_memory = false;
    verifier->body_count = 0;
    verifier->candidates = NULL;
    verifier->candidate_count = verifier->unseen_count = 0;
    verifier->size = 0;
    verifier->result = (struct message_result){.dkim_count = 0};
}

/* ---- The header section is complete: read the signatures, choose, send the key lookups off. ---- */

static void answer(struct key_wait *wait, struct key_entry *entry) {
    struct message_verifier *verifier = wait->verifier;
    wait->entry = entry;
    wait->is_pending = false;
    wait->is_answered = true;
    for (struct candidate *c = verifier->candidates; c < verifier->candidates + verifier->candidate_count; c++)
        if (c->key == wait && !dkim_check_is_done(&c->check)) dkim_check_key(&c->check, entry, DKIM_NO_MEMORY);
}

static void complete(struct message_verifier *verifier);

static bool all_done(const struct message_verifier *verifier) {
    for (const struct candidate *c = verifier->candidates; c < verifier->candidates + verifier->candidate_count; c++)
        if (!dkim_check_is_done(&c->check)) return false;
    return true;
}

static void key_ready(struct key_request *request, struct key_entry *entry) {
    struct key_wait *wait = (struct key_wait *)(void *)request;
    struct message_verifier *verifier = wait->verifier;
    answer(wait, entry);
    if (verifier->stage != STAGE_AWAIT_KEYS || !all_done(verifier)) return;
    complete(verifier);
    verifier->done(verifier->owner); /* may begin or destroy: nothing of the verifier is touched afterwards */
}

static struct key_wait *wait_for_key(struct message_verifier *verifier, struct span name) {
    for (struct key_wait *wait = verifier->waits; wait < verifier->waits + verifier->wait_count; wait++)
        if (span_equal(wait->name, name)) return wait;
    if (verifier->wait_count == verifier->policy->key_lookups_max) return NULL;
    struct key_wait *wait = &verifier->waits[verifier->wait_count++];
    *wait = (struct key_wait){.request = {.ready = key_ready}, .verifier = verifier, .name = name};
    struct key_entry *entry = NULL;
    if (key_source_get(verifier->keys, name, &wait->request, &entry) == KEY_PENDING) wait->is_pending = true;
    else answer(wait, entry);
    return wait;
}

static struct body_hash *hash_body_for(struct message_verifier *verifier, const struct dkim_signature *signature) {
    for (struct body_hash *body = verifier->bodies; body < verifier->bodies + verifier->body_count; body++) {
        const struct body_canon *canon = &body->canon;
        if (canon->kind == signature->body_canon && canon->has_limit == signature->has_body_limit &&
            (!canon->has_limit || canon->limit == signature->body_limit))
            return body;
    }
    struct body_hash *body = &verifier->bodies[verifier->body_count]; /* no more than signatures that took their turn */
    if (!body->is_ready && !(body->is_ready = digest_init(&body->digest))) return NULL;
    verifier->body_count++;
    digest_begin(&body->digest);
    body_canon_begin(&body->canon, signature->body_canon, signature->has_body_limit, signature->body_limit, &body->digest);
    return body;
}

static void take_turn(struct message_verifier *verifier, struct candidate *candidate, struct field_index *fields) {
    candidate->body = hash_body_for(verifier, &candidate->check.signature);
    if (candidate->body == NULL) {
        dkim_check_give_up(&candidate->check, DKIM_NO_MEMORY);
        return;
    }
    dkim_check_take_turn(&candidate->check, fields, &verifier->header_digest);
    /* A key that was there at once, asked for by this signature or an earlier one. */
    if (candidate->key->is_answered && !dkim_check_is_done(&candidate->check))
        dkim_check_key(&candidate->check, candidate->key->entry, DKIM_NO_MEMORY);
}

/* Verifies the signatures that are sound in themselves, those aligned with From first, then top down. The
 * lookups leave before any hashing. */
static void choose(struct message_verifier *verifier, struct field_index *fields) {
    struct candidate *end = verifier->candidates + verifier->candidate_count;
    unsigned chosen = 0;
    for (int aligned = 1; aligned >= 0; aligned--) {
        for (struct candidate *c = verifier->candidates; c < end; c++) {
            if (dkim_check_is_done(&c->check) || c->check.result.aligned != aligned) continue;
            if (chosen < verifier->policy->signatures_verified_max) c->key = wait_for_key(verifier, c->check.signature.key_name);
            if (c->key == NULL) dkim_check_give_up(&c->check, DKIM_LIMIT);
            else chosen++;
        }
    }
    for (struct candidate *c = verifier->candidates; c < end; c++)
        if (c->key != NULL) take_turn(verifier, c, fields);
}

static bool read_signatures(struct message_verifier *verifier, struct span from_domain) {
    const struct header_section *section = &verifier->section;
    size_t count = header_section_count(section, "DKIM-Signature");
    size_t seen = count < verifier->policy->signatures_seen_max ? count : verifier->policy->signatures_seen_max;
    verifier->unseen_count = count - seen;
    if (seen == 0) return true;
    verifier->candidates = arena_alloc(verifier->arena, seen * sizeof *verifier->candidates);
    if (verifier->candidates == NULL) return false;
    int64_t now_s = clock_unix_s(verifier->clock);
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

static void read_header(struct message_verifier *verifier) {
    verifier->stage = STAGE_BODY;
    struct from_field from;
    bool ok = from_field_parse(&verifier->section, verifier->arena, &from);
    if (ok) {
        verifier->result.from_fields = from.fields;
        verifier->result.from_addresses = from.addresses;
        verifier->result.from_domain = from.domain;
        ok = read_signatures(verifier, from.domain);
    }
    struct field_index *fields = ok ? field_index_create(&verifier->section, verifier->arena) : NULL;
    if (fields != NULL) {
        choose(verifier, fields);
        return;
    }
    verifier->out_of_memory = true;
    for (struct candidate *c = verifier->candidates; c < verifier->candidates + verifier->candidate_count; c++)
        dkim_check_give_up(&c->check, DKIM_NO_MEMORY);
}

/* ---- Octets ---- */

static void feed_body(struct message_verifier *verifier, struct span octets) {
    for (struct body_hash *body = verifier->bodies; body < verifier->bodies + verifier->body_count; body++)
        body_canon_update(&body->canon, octets);
}

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
    if (octets.len > 0) feed_body(verifier, octets);
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
    result->key_lookups = (unsigned)verifier->wait_count;
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
    for (struct body_hash *body = verifier->bodies; body < verifier->bodies + verifier->body_count; body++) {
        uint8_t value[DIGEST_OCTETS];
        body_canon_end(&body->canon);
        bool ok = digest_end(&body->digest, value);
        for (struct candidate *c = verifier->candidates; c < verifier->candidates + verifier->candidate_count; c++) {
            if (c->body != body || dkim_check_is_done(&c->check)) continue;
            if (ok) dkim_check_body(&c->check, value, body->canon.octets);
            else dkim_check_give_up(&c->check, DKIM_NO_MEMORY);
        }
    }
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
    for (struct key_wait *wait = verifier->waits; wait < verifier->waits + verifier->wait_count; wait++) {
        if (!wait->is_pending) continue;
        key_source_cancel(verifier->keys, &wait->request);
        wait->is_pending = false;
        for (struct candidate *c = verifier->candidates; c < verifier->candidates + verifier->candidate_count; c++)
            if (c->key == wait && !dkim_check_is_done(&c->check)) dkim_check_key(&c->check, NULL, DKIM_DNS_TIMEOUT);
    }
    complete(verifier);
}

const struct message_result *message_verifier_result(const struct message_verifier *verifier) { return &verifier->result; }

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
