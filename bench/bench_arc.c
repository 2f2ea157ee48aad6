/* bench_arc.c -- what ARC chains cost: validated with warm keys, whole message included, and one more set sealed.
 * Chains of our own making, rsa-sha256 with 2048 bits and ed25519-sha256, a body of 2 KiB; CPU time, medians. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "bench/measure.h"
#include "verifier/arc_seal.h"
#include "verifier/key_cache.h"
#include "verifier/key_lookup.h"
#include "verifier/message_verifier.h"

enum { SETS_MAX = 50 };

static void require(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "bench_arc: %s\n", what);
    exit(1);
}

/* DNS that holds one key record. */
struct one_record {
    struct dns_source source;
    char text[1024];
};

static enum dns_progress answer(struct dns_source *source, struct span name, enum dns_type type,
                                struct dns_query *query, struct dns_answer *out) {
    struct one_record *dns = (struct one_record *)(void *)source;
    (void)name, (void)type, (void)query;
    *out = (struct dns_answer){.status = DNS_FOUND, .dnssec = DNSSEC_SECURE, .ttl_s = 3600};
    out->record[out->record_count++] = span_of(dns->text);
    return DNS_ANSWERED;
}

static void never(struct dns_source *source, struct dns_query *query) { (void)source, (void)query; }

struct bench {
    struct one_record dns;
    struct sealing_key *key;
    struct key_cache *cache;
    struct key_lookup *lookup;
    struct verifier_policy policy;
    struct message_verifier *verifier;
    struct bytes message; /* the chain so far */
    struct bytes set;
    bool all_passed;
};

static const struct arc_result *validate(struct bench *bench) {
    message_verifier_begin(bench->verifier, NULL, NULL);
    message_verifier_update(bench->verifier, bytes_span(&bench->message));
    require(message_verifier_end(bench->verifier) == VERIFIER_DONE, "keys are not warm");
    return &message_verifier_result(bench->verifier)->arc;
}

static void seal(struct bench *bench) {
    uint8_t body_hash[DIGEST_OCTETS];
    struct arc_seal_request request = {.section = message_verifier_header(bench->verifier),
                                       .body_hash = body_hash,
                                       .arc = &message_verifier_result(bench->verifier)->arc,
                                       .results = span_of("mx.example.org; none"),
                                       .domain = span_of("example.org"),
                                       .selector = span_of("sel"),
                                       .key = bench->key,
                                       .now_s = 1700000000};
    bytes_clear(&bench->set);
    require(message_verifier_seal_hash(bench->verifier, body_hash) &&
                arc_seal_write(&bench->set, &request) == ARC_SEAL_ADDED,
            "cannot seal");
}

static void validate_once(void *context, size_t i) {
    struct bench *bench = context;
    (void)i;
    if (validate(bench)->result == RESULT_FAIL) bench->all_passed = false;
}

static void seal_once(void *context, size_t i) {
    (void)i;
    seal(context);
}

static void make_key(struct bench *bench, bool is_rsa) {
    char path[] = "/tmp/sceau-bench-key.XXXXXX", base64[1400];
    uint8_t octets[1024], *at = octets;
    size_t len = sizeof octets;
    EVP_PKEY *pkey = is_rsa ? EVP_RSA_gen(2048) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    require(pkey != NULL && file != NULL && PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL) == 1 &&
                fclose(file) == 0,
            "cannot make a key");
    if (is_rsa)
        len = (size_t)i2d_PUBKEY(pkey, &at);
    else
        EVP_PKEY_get_raw_public_key(pkey, octets, &len);
    EVP_EncodeBlock((unsigned char *)base64, octets, (int)len);
    snprintf(bench->dns.text, sizeof bench->dns.text, "v=DKIM1; k=%s; p=%.900s", is_rsa ? "rsa" : "ed25519", base64);
    require(sealing_key_load(path, &bench->key) == SEALING_KEY_OK, "cannot load the key");
    unlink(path);
    EVP_PKEY_free(pkey);
}

static void start(struct bench *bench, bool is_rsa) {
    *bench = (struct bench){.dns.source = {answer, never}, .policy = verifier_policy_default, .all_passed = true};
    bench->message = bytes_with_cap(1 << 20);
    bench->set = bytes_with_cap(1 << 16);
    bench->policy.wants_seal_hash = true;
    make_key(bench, is_rsa);
    bench->cache = key_cache_create(1 << 20, 0, &clock_system);
    require(bench->cache != NULL, "no memory");
    bench->lookup = key_lookup_create(bench->cache, &bench->dns.source, &clock_system, NULL);
    require(bench->lookup != NULL, "no memory");
    bench->verifier = message_verifier_create(&bench->policy, key_lookup_source(bench->lookup), &clock_system);
    require(bench->verifier != NULL, "no memory");
    bytes_append_text(&bench->message, "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: a chain\r\n"
                                       "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n");
    for (int i = 0; i < 32; i++)
        bytes_append_text(&bench->message, "A line of sixty-four octets, which makes a body of two KiB ...\r\n");
}

static void stop(struct bench *bench) {
    message_verifier_destroy(bench->verifier);
    key_lookup_destroy(bench->lookup);
    key_cache_destroy(bench->cache);
    sealing_key_release(bench->key);
    bytes_release(&bench->message);
    bytes_release(&bench->set);
}

/* Puts one more set on top. */
static void grow(struct bench *bench) {
    struct bytes longer = bytes_with_cap(1 << 20);
    validate(bench);
    seal(bench);
    require(bytes_append(&longer, bytes_span(&bench->set)) && bytes_append(&longer, bytes_span(&bench->message)),
            "no memory");
    bytes_release(&bench->message);
    bench->message = longer;
}

static void print_table(struct measure_plan plan, bool is_rsa) {
    static const unsigned shown[] = {0, 1, 2, 3, 10, SETS_MAX};
    struct bench bench;
    unsigned sets = 0;
    start(&bench, is_rsa);
    printf("\n%s\n  sets  octets  validate us  spread   seal us\n",
           is_rsa ? "rsa-sha256, 2048 bits" : "ed25519-sha256");
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        while (sets < shown[i]) grow(&bench), sets++;
        struct work works[] = {{validate_once, &bench}, {seal_once, &bench}};
        struct measured measured[2] = {{0, 0, 0}, {0, 0, 0}};
        measure(plan, works, sets < SETS_MAX ? 2 : 1, measured);
        const struct arc_result *arc = validate(&bench);
        require(bench.all_passed && arc->sets == sets && (sets == 0 || arc->has_oldest_pass), "a chain did not pass");
        printf("%6u %7zu %12.1f %6.1f%% %9.1f\n", sets, bench.message.len, measured[0].median_us,
               measured_spread_percent(&measured[0]), measured[1].median_us);
        fflush(stdout);
    }
    stop(&bench);
}

int main(int argc, char **argv) {
    struct measure_plan plan = measure_plan_of(argc, argv);
    printf(
        "ARC chains, one core: CPU microseconds to validate a message with a chain (warm keys, all seals and message\n"
        "signatures) and to seal it once more; median of %u rounds.\n",
        plan.rounds);
    print_table(plan, true);
    print_table(plan, false);
    return 0;
}
