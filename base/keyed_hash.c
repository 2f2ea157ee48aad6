#include "base/keyed_hash.h"
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct sip { uint64_t v0, v1, v2, v3; };

static inline uint64_t rotate_left(uint64_t x, unsigned count) { return x << count | x >> (64 - count); }

static inline void sip_round(struct sip *s) {
    s->v0 += s->v1, s->v1 = rotate_left(s->v1, 13) ^ s->v0, s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v3, s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 += s->v3, s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 += s->v1, s->v1 = rotate_left(s->v1, 17) ^ s->v2, s->v2 = rotate_left(s->v2, 32);
}

static inline void absorb(struct sip *s, uint64_t word) {
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

/* 8 octets as a number, the first one lowest, on machines of either order. */
static inline uint64_t word_at(const char *octets) {
    uint64_t word;
    memcpy(&word, octets, sizeof word);
    return le64toh(word);
}

/* The same of the last left octets, at most 7, with len on top. */
static inline uint64_t last_word(const char *octets, size_t left, size_t len) {
    uint64_t word = (uint64_t)len << 56;
    while (left-- > 0) word |= (uint64_t)(uint8_t)octets[left] << (8 * left);
    return word;
}

uint64_t keyed_hash(const struct keyed_hash_key *key, struct span octets) {
    struct sip s = {.v0 = key->k0 ^ 0x736f6d6570736575, .v1 = key->k1 ^ 0x646f72616e646f6d, /* "somepseudorandomly..." */
                    .v2 = key->k0 ^ 0x6c7967656e657261, .v3 = key->k1 ^ 0x7465646279746573};
    struct span left = octets;
    for (; left.len >= 8; left = span_after(left, 8)) absorb(&s, word_at(left.ptr));
    absorb(&s, last_word(left.ptr, left.len, octets.len));
    s.v2 ^= 0xff;
    for (int i = 0; i < 4; i++) sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

struct keyed_hash_key keyed_hash_key_random(void) {
    struct keyed_hash_key key;
    ssize_t got;
    do got = getrandom(&key, sizeof key, 0); /* so few octets come whole or not at all */
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof key) abort(); /* a kernel older than 3.17, or a sandbox that forbids it: no safe way on */
    return key;
}

static struct keyed_hash_key process_key;
static pthread_once_t process_key_once = PTHREAD_ONCE_INIT;
static void draw_process_key(void) { process_key = keyed_hash_key_random(); }

const struct keyed_hash_key *keyed_hash_process_key(void) {
    pthread_once(&process_key_once, draw_process_key);
    return &process_key;
}
