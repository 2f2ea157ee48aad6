#include "verifier/body_hash.h"
#include <stdlib.h>

bool body_hash_init(struct body_hash_set *set, size_t room) {
    *set = (struct body_hash_set){.hash = calloc(room, sizeof *set->hash), .room = room};
    return set->hash != NULL;
}

void body_hash_release(struct body_hash_set *set) {
    for (size_t i = 0; set->hash != NULL && i < set->room; i++) {
        if (set->hash[i] != NULL) digest_release(&set->hash[i]->digest);
        free(set->hash[i]);
    }
    free(set->hash);
    *set = (struct body_hash_set){.hash = NULL};
}

void body_hash_reset(struct body_hash_set *set) { set->count = 0; }

/* The next one that no wish took yet, ready to begin; NULL: no memory. */
static struct body_hash *next_hash(struct body_hash_set *set) {
    struct body_hash **hash = &set->hash[set->count];
    if (*hash == NULL) *hash = calloc(1, sizeof **hash);
    if (*hash == NULL) return NULL;
    if (!(*hash)->is_ready) (*hash)->is_ready = digest_init(&(*hash)->digest);
    return (*hash)->is_ready ? *hash : NULL;
}

static bool fits(const struct body_canon *canon, enum canonicalization kind, bool has_limit, uint64_t limit) {
    return canon->kind == kind && canon->has_limit == has_limit && (!has_limit || canon->limit == limit);
}

struct body_hash *body_hash_want(struct body_hash_set *set, enum canonicalization kind, bool has_limit, uint64_t limit,
                                 unsigned *budget) {
    for (size_t i = 0; i < set->count; i++)
        if (fits(&set->hash[i]->canon, kind, has_limit, limit)) return set->hash[i];
    if (*budget == 0 || set->count == set->room) return NULL;
    struct body_hash *hash = next_hash(set);
    if (hash == NULL) return NULL;
    set->count++;
    --*budget;
    hash->is_known = false;
    digest_begin(&hash->digest);
    body_canon_begin(&hash->canon, kind, has_limit, limit, &hash->digest);
    return hash;
}

void body_hash_update(struct body_hash_set *set, struct span octets) {
    for (size_t i = 0; i < set->count; i++) body_canon_update(&set->hash[i]->canon, octets);
}

void body_hash_end(struct body_hash_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        struct body_hash *hash = set->hash[i];
        body_canon_end(&hash->canon);
        hash->is_known = digest_end(&hash->digest, hash->value);
    }
}
