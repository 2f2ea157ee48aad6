#include "verifier/public_key.h" /* first, so the header is proved to stand alone */
#include "base/ascii.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/crypto.h>

/* RFC 8463 appendix A: the keys, and the signatures of A.3 over the hashes of that message's canonical fields. */
static const char rfc_rsa_modulus[] =
    "e41e5390a014f3591886b3957a3693f789d63a5a4d3c6b9aa1751eb0cb96dd38a6f68cb42263f275e89622d10bf1fdbc98cc235b"
    "dd6f75cb716eb400837f3c10fc10bf7bff2e06c091fb2cf52f18fe3cbea51efa8c2ab337ac6e21b2d4f9423bc73bd3f3a3167255"
    "82f305f3b611e0b7229dc6fb692bc8e4c8293fa5fcae30dd";
static const char rfc_rsa_hash[] = "fed71e6d70fb123bb5c353adc42821b304b6b9d54fc867f304f7c61daaaa1111";
static const char rfc_rsa_signature[] =
    "178e5d5560df31b40318724595750d0761ca7db09e2d1ca10d7805a442fc1b0a6c45ed087888b13537b70e1095954ad28d5e01c1"
    "c55c385ebe145dd9a3d469a35b4539e4bd98f6104e719d6921ac81e79f3ac936273740f8bd744de62df418037d0359b4a74dd563"
    "bffca808a973fb39d1051382e315835c531650e0500363ef";
static const char rfc_ed25519_key[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
static const char rfc_ed25519_hash[] = "48ce9a2c710ece1710ff156996b836a7f45470e43efe5643074d6e1690ed62e7";
static const char rfc_ed25519_signature[] =
    "fe00ab8a7a5c40ea087ee1cd4086eae29821f64c882b701051db7d39da907a14b084422e8380f5d41bac15addb4f7158e4eb14ed"
    "96e72842eaf9e5dda754350f";
/* A key of 2048 bits made with openssl genrsa, the hash of "sceau", and its signatures. */
static const char rsa_2048_modulus[] =
    "97a5ffe9b93a0dfaf8a31fa525cd777cc251d296073b6c9392fbdfe28e1cf0d644b59aa8a198dcb177efd89fe260dcbeb2390050"
    "d8ce4c0a5ddf56b959e627054387531f02b0d6ef7154f43a04654d9139588ee4da2b0d4b6c04b7fa78f78a611a71f7012bd33fbb"
    "a40cbdb2f70eb1e677a5fe8e19256e0ea3818d61f84b3a05c89142c98ccfbeafd325bdc3359cc9f938f61719b5cd09caaead32d8"
    "4642c56a20fded520c8ea9b7b69e8850efc86254caec43d8d2a8e225a04444eef1a4f6fa003b8de6085380324ccf0493985d302e"
    "2fdbf5d9ee39f34fd3a0e7fd6a08ca0fdf7f38c4e39dc5e0f2547b60606c5b89eece854ac3e0e72ca712842ca6a63e63";
static const char rsa_2048_hash[] = "713a106897ff73b3459bf5aaef4a439b573a4d46d47c3786e7c51e3b745220e6";
static const char rsa_2048_signature[] =
    "76901b79927ab4029b0f02184c80120b489e906f716b60c5ab99dc6160a58c23eb2ef3b174397069b50917b6735d06532c7beda9"
    "f82fd193ba87c45d1b3b874e51a82d74894b7e2d7afce3ba1e816e9f3ba23ac900b4bcddda4b9761def64fd3e87cf9f59323f397"
    "80eaa16267837498c0ac0032e880618f93b844bfa7fca2e3e74468dbd80740c6d411e932cedbbc142b32a39662185827d3a5f513"
    "150003a75e932ff24402438dec59c632a27cc3280286e36263321e82d61fda9770417081c7b49c4679364a0c1213215d50b9af63"
    "d46820e9f0ded4d580cc22ad45d347159d42053f9a2c3341d6f788a0a5c4403b9c60dd5aad75180618961af1e30452b5";
static const char rsa_2048_sha1_signature[] = /* PKCS#1 with SHA-1 of the same text: another DigestInfo */
    "74dbdfe084e3d42de92137285d4cc4e81afecd4f3413a57690529395fe830b3cdbe9d55f47758fab6c00aff358da4958ce2fcc03"
    "b3e68240f5d2bcc27d0f63654300b262ea7074e77845949b38a340a180626e5beb1b71c83831685fb650276cca98cd19ee5218dd"
    "cb34a86601c2738017f13997cc9f80439fd007510340803413cb7a0a924b363fdabc667246f3866d97147a1bee86bb0ce7a1d377"
    "1ebaac7ba214c3b958439caa31465651286f167a422d68dc69ac0ee5e74bbe327b7453e2072c1bd8e85a94676411035fa0b5a9d4"
    "f2dfd69f8643cd92808e5c9fa201ad1e091e0b509d75d0640c2bf9e054b113d171276b26cd53825e8763594058ffbf56";

enum { OCTETS_MAX = 512 };
struct octets {
    char octet[OCTETS_MAX];
    size_t len;
};

static struct octets from_hex(const char *hex) {
    struct octets out = {.len = strlen(hex) / 2};
    assert_true(out.len <= sizeof out.octet);
    for (size_t i = 0; i < out.len; i++)
        out.octet[i] = (char)(ascii_hex_value(hex[2 * i]) << 4 | ascii_hex_value(hex[2 * i + 1]));
    return out;
}

static struct span span_in(const struct octets *octets) { return (struct span){octets->octet, octets->len}; }

static struct public_key *rsa(const char *modulus_hex) {
    struct octets modulus = from_hex(modulus_hex);
    return public_key_rsa(span_in(&modulus), (struct span){"\x01\x00\x01", 3});
}

static struct public_key *ed25519(const char *hex) {
    struct octets raw = from_hex(hex);
    return public_key_ed25519(span_in(&raw));
}

enum alteration { AS_IT_IS, BIT_FLIPPED, CUT, LENGTHENED, EMPTY, ALL_ONES, ALL_ZERO };

static const struct row {
    const char *name;
    struct public_key *(*load)(const char *hex);
    const char *key, *hash, *signature;
    enum alteration signature_is;
    enum public_key_status want;
} rows[] = {
    {"RFC 8463 A, rsa", rsa, rfc_rsa_modulus, rfc_rsa_hash, rfc_rsa_signature, AS_IT_IS, PUBLIC_KEY_VERIFIED},
    {"RFC 8463 A, ed25519", ed25519, rfc_ed25519_key, rfc_ed25519_hash, rfc_ed25519_signature, AS_IT_IS,
     PUBLIC_KEY_VERIFIED},
    {"rsa 2048", rsa, rsa_2048_modulus, rsa_2048_hash, rsa_2048_signature, AS_IT_IS, PUBLIC_KEY_VERIFIED},
    {"rsa, other hash", rsa, rfc_rsa_modulus, rfc_ed25519_hash, rfc_rsa_signature, AS_IT_IS, PUBLIC_KEY_MISMATCH},
    {"rsa, sha1 inside", rsa, rsa_2048_modulus, rsa_2048_hash, rsa_2048_sha1_signature, AS_IT_IS, PUBLIC_KEY_MISMATCH},
    {"rsa, flipped", rsa, rfc_rsa_modulus, rfc_rsa_hash, rfc_rsa_signature, BIT_FLIPPED, PUBLIC_KEY_MISMATCH},
    {"rsa, cut", rsa, rfc_rsa_modulus, rfc_rsa_hash, rfc_rsa_signature, CUT, PUBLIC_KEY_MISMATCH},
    {"rsa, longer", rsa, rfc_rsa_modulus, rfc_rsa_hash, rfc_rsa_signature, LENGTHENED, PUBLIC_KEY_MISMATCH},
    {"rsa, empty", rsa, rfc_rsa_modulus, rfc_rsa_hash, rfc_rsa_signature, EMPTY, PUBLIC_KEY_MISMATCH},
    {"rsa, not below the modulus", rsa, rfc_rsa_modulus, rfc_rsa_hash, rfc_rsa_signature, ALL_ONES,
     PUBLIC_KEY_MISMATCH},
    {"rsa, zero", rsa, rfc_rsa_modulus, rfc_rsa_hash, rfc_rsa_signature, ALL_ZERO, PUBLIC_KEY_MISMATCH},
    {"ed25519, other hash", ed25519, rfc_ed25519_key, rfc_rsa_hash, rfc_ed25519_signature, AS_IT_IS,
     PUBLIC_KEY_MISMATCH},
    {"ed25519, flipped", ed25519, rfc_ed25519_key, rfc_ed25519_hash, rfc_ed25519_signature, BIT_FLIPPED,
     PUBLIC_KEY_MISMATCH},
    {"ed25519, cut", ed25519, rfc_ed25519_key, rfc_ed25519_hash, rfc_ed25519_signature, CUT, PUBLIC_KEY_MISMATCH},
    {"ed25519, longer", ed25519, rfc_ed25519_key, rfc_ed25519_hash, rfc_ed25519_signature, LENGTHENED,
     PUBLIC_KEY_MISMATCH},
    {"ed25519, empty", ed25519, rfc_ed25519_key, rfc_ed25519_hash, rfc_ed25519_signature, EMPTY, PUBLIC_KEY_MISMATCH},
    {"ed25519, all ones", ed25519, rfc_ed25519_key, rfc_ed25519_hash, rfc_ed25519_signature, ALL_ONES,
     PUBLIC_KEY_MISMATCH},
    {"ed25519, rsa's signature", ed25519, rfc_ed25519_key, rfc_rsa_hash, rfc_rsa_signature, AS_IT_IS,
     PUBLIC_KEY_MISMATCH},
};
enum { ROWS = sizeof rows / sizeof *rows };

static struct octets altered(struct octets s, enum alteration how) {
    switch (how) {
    case AS_IT_IS: break;
    case BIT_FLIPPED: s.octet[s.len / 2] ^= 0x10; break;
    case CUT: s.len--; break;
    case LENGTHENED: s.octet[s.len++] = 0; break;
    case EMPTY: s.len = 0; break;
    case ALL_ONES: memset(s.octet, 0xff, s.len); break;
    case ALL_ZERO: memset(s.octet, 0, s.len); break;
    }
    return s;
}

static enum public_key_status verify_row(const struct row *row, const struct public_key *key) {
    struct octets hash = from_hex(row->hash), signature = altered(from_hex(row->signature), row->signature_is);
    uint8_t value[DIGEST_OCTETS];
    memcpy(value, hash.octet, sizeof value);
    char *exact = memcpy(malloc(signature.len > 0 ? signature.len : 1), signature.octet, signature.len);
    enum public_key_status status = public_key_verify(key, value, (struct span){exact, signature.len});
    free(exact);
    return status;
}

static void every_row_verifies_as_wanted(void **state) {
    (void)state;
    for (const struct row *row = rows; row < rows + ROWS; row++) {
        struct public_key *key = row->load(row->key);
        assert_non_null(key);
        for (int again = 0; again < 2; again++) { /* a failure must not spoil the prepared context */
            enum public_key_status got = verify_row(row, key);
            if (got != row->want) fail_msg("%s: %d", row->name, (int)got);
        }
        public_key_release(key);
    }
}

static void openssl_can_be_warmed_up(void **state) {
    (void)state;
    for (int again = 0; again < 2; again++) assert_true(public_key_warm_up());
}

/* The signature alone tells which hash it was made over, and whether this key made it. */
static void rsa_gives_back_what_was_signed(void **state) {
    (void)state;
    static const struct {
        const char *key, *signature, *hash;
        enum alteration signature_is;
        enum public_key_recovery want;
    } recoveries[] = {
        {rfc_rsa_modulus, rfc_rsa_signature, rfc_rsa_hash, AS_IT_IS, PUBLIC_KEY_RECOVERED},
        {rsa_2048_modulus, rsa_2048_signature, rsa_2048_hash, AS_IT_IS, PUBLIC_KEY_RECOVERED},
        {rsa_2048_modulus, rsa_2048_sha1_signature, NULL, AS_IT_IS, PUBLIC_KEY_OTHER_HASH},
        {rfc_rsa_modulus, rfc_rsa_signature, NULL, BIT_FLIPPED, PUBLIC_KEY_NOT_ITS},
        {rfc_rsa_modulus, rfc_rsa_signature, NULL, CUT, PUBLIC_KEY_NOT_ITS},
        {rfc_rsa_modulus, rfc_rsa_signature, NULL, EMPTY, PUBLIC_KEY_NOT_ITS},
        {rfc_rsa_modulus, rfc_rsa_signature, NULL, ALL_ONES, PUBLIC_KEY_NOT_ITS},
        {rfc_rsa_modulus, rfc_rsa_signature, NULL, ALL_ZERO, PUBLIC_KEY_NOT_ITS},
        {rfc_rsa_modulus, rsa_2048_signature, NULL, AS_IT_IS, PUBLIC_KEY_NOT_ITS},
    };
    for (size_t i = 0; i < sizeof recoveries / sizeof *recoveries; i++) {
        struct public_key *key = rsa(recoveries[i].key);
        struct octets signature = altered(from_hex(recoveries[i].signature), recoveries[i].signature_is);
        uint8_t value[DIGEST_OCTETS], zeros[DIGEST_OCTETS] = {0};
        enum public_key_recovery got = public_key_recover(key, span_in(&signature), value);
        if (got != recoveries[i].want) fail_msg("row %zu: %d", i, (int)got);
        struct octets hash = from_hex(recoveries[i].hash != NULL ? recoveries[i].hash : "");
        assert_memory_equal(value, hash.len > 0 ? (const void *)hash.octet : zeros, DIGEST_OCTETS);
        public_key_release(key);
    }
    struct public_key *key = ed25519(rfc_ed25519_key);
    struct octets signature = from_hex(rfc_ed25519_signature), hash = from_hex(rfc_ed25519_hash);
    uint8_t value[DIGEST_OCTETS];
    assert_int_equal(public_key_recover(key, span_in(&signature), value), PUBLIC_KEY_UNKNOWN);
    assert_true(public_key_verifies(key, (const uint8_t *)hash.octet, span_in(&signature)));
    signature.octet[0] ^= 1;
    assert_false(public_key_verifies(key, (const uint8_t *)hash.octet, span_in(&signature)));
    public_key_release(key);
}

static void an_ed25519_key_has_32_octets(void **state) {
    (void)state;
    char octets[33] = {1};
    for (size_t len = 0; len <= sizeof octets; len++) {
        struct public_key *key = public_key_ed25519((struct span){octets, len});
        if ((key != NULL) != (len == 32)) fail_msg("%zu octets", len);
        public_key_release(key);
    }
    public_key_release(NULL);
}

/* OpenSSL's allocator: after so many allocations there is nothing left, for one or for all that follow. */
static size_t allocations_left = SIZE_MAX;
static bool recovers, was_refused;
static bool is_refused(void) {
    if (allocations_left == SIZE_MAX) return false;
    if (allocations_left > 0) return allocations_left--, false;
    if (recovers) allocations_left = SIZE_MAX;
    return was_refused = true;
}
static void *take(size_t size, const char *file, int line) {
    return (void)file, (void)line, is_refused() ? NULL : malloc(size);
}
static void *take_more(void *block, size_t size, const char *file, int line) {
    return (void)file, (void)line, is_refused() ? NULL : realloc(block, size);
}
static void give_back(void *block, const char *file, int line) { (void)file, (void)line, free(block); }

/* When memory begins to be short. */
static const char *const moments[] = {"loads its key", "is its key's first", "is one of many"};

/* Loads the row's key and verifies; short of memory after so many allocations from the moment on. */
static enum public_key_status verify_without_memory(const struct row *row, size_t moment, size_t after) {
    was_refused = false;
    if (moment == 0) allocations_left = after;
    struct public_key *key = row->load(row->key);
    enum public_key_status got = PUBLIC_KEY_NO_MEMORY;
    if (moment == 2) assert_int_equal(verify_row(row, key), PUBLIC_KEY_VERIFIED);
    if (moment > 0) allocations_left = after;
    if (key != NULL) got = verify_row(row, key);
    allocations_left = SIZE_MAX;
    public_key_release(key);
    return got;
}

/* Wherever memory ends, be it for one allocation, a good signature is never called a bad one, nor an error for good. */
static void no_memory_is_no_mismatch(void **state) {
    (void)state;
    for (int i = 0; i < 18; i++) {
        const struct row *row = &rows[i / 6]; /* the good ones */
        size_t moment = (size_t)(i % 3), at = 0;
        recovers = i / 3 % 2 == 1;
        do {
            enum public_key_status got = verify_without_memory(row, moment, at);
            if (got != PUBLIC_KEY_VERIFIED && !(was_refused && got == PUBLIC_KEY_NO_MEMORY))
                fail_msg("%s, verification that %s, allocation %zu: %d", row->name, moments[moment], at, (int)got);
            at++;
        } while (was_refused);
        assert_true(at > 2);
    }
}

/* Threads verify with the same keys at once; each sees only its own answers. */
enum { THREADS = 4, ROUNDS = 50 };
struct shared {
    pthread_barrier_t start;
    struct public_key *key[ROWS];
};
struct verifier {
    pthread_t thread;
    struct shared *shared;
    size_t first_row;
    int wrong;
};

static void *verify_all(void *argument) {
    struct verifier *verifier = argument;
    pthread_barrier_wait(&verifier->shared->start);
    for (size_t i = 0; i < ROUNDS * ROWS; i++) {
        size_t at = (verifier->first_row + i) % ROWS;
        verifier->wrong += verify_row(&rows[at], verifier->shared->key[at]) != rows[at].want;
    }
    return NULL;
}

static void threads_share_keys(void **state) {
    (void)state;
    struct shared shared;
    struct verifier verifier[THREADS];
    for (size_t i = 0; i < ROWS; i++) {
        shared.key[i] = NULL; /* rows with the same key share one object */
        for (size_t k = 0; k < i && shared.key[i] == NULL; k++)
            if (rows[k].key == rows[i].key) shared.key[i] = shared.key[k];
        if (shared.key[i] == NULL) shared.key[i] = rows[i].load(rows[i].key);
    }
    pthread_barrier_init(&shared.start, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        verifier[i] = (struct verifier){.shared = &shared, .first_row = i * 5};
        assert_int_equal(pthread_create(&verifier[i].thread, NULL, verify_all, &verifier[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(verifier[i].thread, NULL);
        assert_int_equal(verifier[i].wrong, 0);
    }
    pthread_barrier_destroy(&shared.start);
    for (size_t i = 0; i < ROWS; i++) {
        bool owned_before = false;
        for (size_t k = 0; k < i; k++) owned_before |= shared.key[k] == shared.key[i];
        if (!owned_before) public_key_release(shared.key[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_verifies_as_wanted),
        cmocka_unit_test(rsa_gives_back_what_was_signed),
        cmocka_unit_test(an_ed25519_key_has_32_octets),
        cmocka_unit_test(openssl_can_be_warmed_up),
        cmocka_unit_test(no_memory_is_no_mismatch),
        cmocka_unit_test(threads_share_keys),
    };
    if (CRYPTO_set_mem_functions(take, take_more, give_back) != 1) return 1; /* before OpenSSL takes any */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
