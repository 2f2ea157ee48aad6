#include "verifier/key_source.h"
#include <stdlib.h>

enum { ARENA_STEP = 16 }; /* what an allocation in an arena is rounded up to */

static size_t rounded(size_t len) { return (len + ARENA_STEP - 1) / ARENA_STEP * ARENA_STEP; }

/* How much a record promises: keys that can be used first, then what is meant as a key, then anything else, which at a
 * selector's name is a DNS wildcard's doing (an SPF record, a verification token). */
enum rank { RANK_USABLE, RANK_MEANT, RANK_FOREIGN, RANK_COUNT };

/* The text after "v=" when that comes first, as RFC 6376 section 3.6.1 wants it; {NULL, 0} when it does not. */
static struct span leading_version(struct span text) {
    text = span_trim(text);
    if (text.len == 0 || text.ptr[0] != 'v') return (struct span){NULL, 0};
    text = span_trim(span_after(text, 1));
    if (text.len == 0 || text.ptr[0] != '=') return (struct span){NULL, 0};
    return span_trim(span_after(text, 1));
}

static enum rank rank_of(const struct dkim_key *key) {
    if (key->status == DKIM_KEY_OK) return RANK_USABLE;
    struct span version = leading_version(key->text);
    if (version.ptr != NULL)
        return version.len >= 4 && span_is_nocase(span_first(version, 4), "DKIM") ? RANK_MEANT : RANK_FOREIGN;
    return key->status == DKIM_KEY_BAD_TAG_LIST || key->status == DKIM_KEY_NO_P ? RANK_FOREIGN : RANK_MEANT;
}

/* The records of one answer, parsed; texts live in scratch until a record is adopted. */
struct candidates {
    struct arena *scratch;
    size_t count;
    struct dkim_key key[DNS_RECORD_MAX];
    size_t chosen_count;
    size_t chosen[KEY_RECORD_MAX]; /* best rank first, in the answer's order within a rank */
};

static bool parse_all(struct candidates *candidates, const struct dns_answer *answer) {
    size_t octets = ARENA_STEP, usable = 0;
    for (size_t i = 0; i < answer->record_count; i++) octets += rounded(answer->record[i].len);
    candidates->scratch = arena_create(octets);
    if (candidates->scratch == NULL) return false;
    for (size_t i = 0; i < answer->record_count && usable < KEY_RECORD_MAX; i++) {
        struct dkim_key *key = &candidates->key[candidates->count++];
        dkim_key_parse(answer->record[i], candidates->scratch, key);
        if (key->status == DKIM_KEY_OUT_OF_MEMORY) return false;
        usable += key->status == DKIM_KEY_OK;
    }
    return true;
}

static void choose(struct candidates *candidates) {
    for (enum rank rank = RANK_USABLE; rank < RANK_COUNT; rank++) {
        if (rank == RANK_FOREIGN && candidates->chosen_count > 0) return; /* counts only when nothing else is there */
        for (size_t i = 0; i < candidates->count && candidates->chosen_count < KEY_RECORD_MAX; i++)
            if (rank_of(&candidates->key[i]) == rank) candidates->chosen[candidates->chosen_count++] = i;
    }
}

static void release_candidates(struct candidates *candidates) {
    for (size_t i = 0; i < candidates->count; i++) dkim_key_release(&candidates->key[i]);
    arena_destroy(candidates->scratch);
}

/* Moves candidate, its public key included, into the entry. */
static bool adopt(struct key_entry *entry, struct dkim_key *candidate) {
    struct dkim_key *record = arena_alloc(entry->arena, sizeof *record);
    if (record == NULL) return false;
    *record = *candidate;
    record->text = arena_copy(entry->arena, candidate->text);
    if (record->text.len != candidate->text.len) return false;
    candidate->key = NULL;
    entry->record[entry->record_count++] = record;
    return true;
}

/* A key spread over several records: the first piece is a broken record, the others look like none at all. */
static bool is_piece(const struct candidates *candidates, size_t i) {
    if (candidates->chosen_count == 0) return false;
    enum rank best = rank_of(&candidates->key[candidates->chosen[0]]);
    return best != RANK_USABLE && best != RANK_FOREIGN && rank_of(&candidates->key[i]) == RANK_FOREIGN;
}

static size_t arena_octets(const struct candidates *candidates, const struct dns_answer *answer) {
    size_t octets = ARENA_STEP;
    for (size_t i = 0; i < candidates->chosen_count; i++)
        octets += rounded(sizeof(struct dkim_key)) + rounded(candidates->key[candidates->chosen[i]].text.len);
    for (size_t i = 0; i < candidates->count; i++)
        if (is_piece(candidates, i)) octets += rounded(candidates->key[i].text.len);
    for (size_t i = 0; i < answer->cname_count; i++) octets += rounded(answer->cname[i].len);
    return octets;
}

static bool fill(struct key_entry *entry, struct candidates *candidates, const struct dns_answer *answer) {
    entry->arena = arena_create(arena_octets(candidates, answer));
    if (entry->arena == NULL) return false;
    for (size_t i = 0; i < candidates->chosen_count; i++)
        if (!adopt(entry, &candidates->key[candidates->chosen[i]])) return false;
    for (size_t i = 0; i < candidates->count && entry->piece_count < KEY_RECORD_MAX; i++) {
        if (!is_piece(candidates, i)) continue;
        struct span *piece = &entry->piece[entry->piece_count++];
        *piece = arena_copy(entry->arena, candidates->key[i].text);
        if (piece->len != candidates->key[i].text.len) return false;
    }
    for (; entry->cname_count < answer->cname_count; entry->cname_count++) {
        struct span *hop = &entry->cname[entry->cname_count];
        *hop = arena_copy(entry->arena, answer->cname[entry->cname_count]);
        if (hop->len != answer->cname[entry->cname_count].len) return false;
    }
    return true;
}

struct key_entry *key_entry_create(const struct dns_answer *answer, int64_t now_s) {
    struct candidates candidates = {.count = 0};
    struct key_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) return NULL;
    atomic_init(&entry->references, 1);
    entry->status = answer->status;
    entry->dnssec = answer->dnssec;
    entry->ttl_s = answer->ttl_s;
    entry->fetched_s = now_s;
    entry->records_seen = (unsigned)answer->record_count;
    bool whole = parse_all(&candidates, answer);
    if (whole) choose(&candidates);
    if (!whole || !fill(entry, &candidates, answer)) {
        key_entry_release(entry);
        entry = NULL;
    }
    release_candidates(&candidates);
    return entry;
}

struct key_entry *key_entry_acquire(struct key_entry *entry) {
    atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
    return entry;
}

void key_entry_release(struct key_entry *entry) {
    if (entry == NULL || atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < entry->record_count; i++) dkim_key_release(entry->record[i]);
    arena_destroy(entry->arena);
    free(entry);
}

/* What OpenSSL holds for a key that has verified once, measured: 1,728 octets for 1024 bits, 3,264 for 4096. */
static size_t public_key_octets(const struct dkim_key *key) { return key->key != NULL ? 1216 + key->bits / 2 : 0; }

size_t key_entry_octets(const struct key_entry *entry) {
    size_t octets = sizeof *entry + 128; /* the arena's and malloc's own */
    for (size_t i = 0; i < entry->cname_count; i++) octets += rounded(entry->cname[i].len);
    for (size_t i = 0; i < entry->record_count; i++)
        octets += rounded(sizeof *entry->record[i]) + rounded(entry->record[i]->text.len) +
                  public_key_octets(entry->record[i]);
    for (size_t i = 0; i < entry->piece_count; i++) octets += rounded(entry->piece[i].len);
    return octets;
}
