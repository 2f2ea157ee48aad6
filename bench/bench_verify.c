/* bench_verify.c -- the whole verifier beside its floor, in one run.
 * Verifier: parse, canonicalize, hash, look the key up in a warm cache, verify, write Authentication-Results; the message
 * comes in pieces of 16 KiB. Floor: SHA-256 over exactly the canonical octets (body and header input), each in one piece,
 * plus the public-key operation with a ready key. Both run by turns in each round; figures are medians of CPU time. */
#include <stdio.h>
#include <stdlib.h>
#include "bench/corpus.h"
#include "bench/measure.h"
#include "verifier/auth_results.h"
#include "verifier/key_cache.h"
#include "verifier/key_lookup.h"
#include "verifier/message_verifier.h"
#include "verifier/public_key.h"

enum { PIECE = 16 * 1024, MESSAGES_MAX = 32, CORPUS_OCTETS = 4 * 1024 * 1024 };

static void require(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "bench_verify: %s\n", what);
    exit(1);
}

/* DNS that holds one key record. */
struct one_record { struct dns_source source; struct span record; };

static enum dns_progress answer(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                                struct dns_answer *out) {
    struct one_record *dns = (struct one_record *)(void *)source;
    (void)query;
    *out = (struct dns_answer){.status = DNS_NXDOMAIN, .dnssec = DNSSEC_SECURE, .ttl_s = 3600};
    if (type != DNS_TXT || !span_is_nocase(name, corpus_key_name)) return DNS_ANSWERED;
    out->status = DNS_FOUND;
    out->record[out->record_count++] = dns->record;
    return DNS_ANSWERED;
}

static void never(struct dns_source *source, struct dns_query *query) { (void)source, (void)query; }

struct bench {
    struct corpus_message message[MESSAGES_MAX];
    size_t count;
    struct message_verifier *verifier;
    struct bytes field;          /* the Authentication-Results written */
    struct digest digest;        /* the floor's */
    const struct public_key *key;
    bool all_passed;             /* so far */
};

static void verify_whole(void *context, size_t i) {
    struct bench *bench = context;
    struct span octets = bytes_span(&bench->message[i % bench->count].octets);
    message_verifier_begin(bench->verifier, NULL, NULL);
    for (size_t at = 0; at < octets.len; at += PIECE)
        message_verifier_update(bench->verifier, span_first(span_after(octets, at), octets.len - at < PIECE ? octets.len - at : PIECE));
    bool done = message_verifier_end(bench->verifier) == VERIFIER_DONE;
    const struct message_result *result = done ? message_verifier_result(bench->verifier) : NULL;
    bytes_clear(&bench->field);
    if (!done || result->dkim_count != 1 || result->dkim[0].result != RESULT_PASS ||
        !auth_results_write(&bench->field, span_of("mx.example.org"), result))
        bench->all_passed = false;
}

static void hash(struct digest *digest, const struct bytes *octets, uint8_t value[DIGEST_OCTETS]) {
    digest_begin(digest);
    digest_update(digest, bytes_span(octets));
    digest_end(digest, value);
}

static void floor_only(void *context, size_t i) {
    struct bench *bench = context;
    const struct corpus_message *message = &bench->message[i % bench->count];
    uint8_t value[DIGEST_OCTETS];
    hash(&bench->digest, &message->canonical_body, value);
    hash(&bench->digest, &message->header_input, value);
    if (public_key_verify(bench->key, value, bytes_span(&message->signature)) != PUBLIC_KEY_VERIFIED) bench->all_passed = false;
}

struct cell { enum corpus_body body; size_t body_len; enum canonicalization kind; };

static void print_cell(struct measure_plan plan, struct bench *bench, const struct corpus_signer *signer, struct cell cell) {
    size_t count = CORPUS_OCTETS / cell.body_len;
    bench->count = count < MESSAGES_MAX ? count : MESSAGES_MAX;
    for (size_t i = 0; i < bench->count; i++)
        corpus_message_make(&bench->message[i], signer, cell.kind, cell.body, cell.body_len, i + 1);
    struct work works[] = {{verify_whole, bench}, {floor_only, bench}};
    struct measured measured[2];
    measure(plan, works, 2, measured);
    require(bench->all_passed, "a message of the corpus did not pass");
    const char *kind = cell.kind == CANON_SIMPLE ? "simple" : "relaxed";
    printf("%7zu  %-7s %-8s %9.1f %6.1f%% %9.1f %6.1f%% %10.0f %10.0f %7.2f\n", cell.body_len, corpus_body_name(cell.body), kind,
           measured[0].median_us, measured_spread_percent(&measured[0]), measured[1].median_us,
           measured_spread_percent(&measured[1]), 1e6 / measured[0].median_us, 1e6 / measured[1].median_us,
           measured[1].median_us / measured[0].median_us);
    fflush(stdout);
    for (size_t i = 0; i < bench->count; i++) corpus_message_release(&bench->message[i]);
}

static void print_table(struct measure_plan plan, enum corpus_key key, const char *name) {
    static const size_t body_lens[] = {2 * 1024, 20 * 1024, 100 * 1024, 1024 * 1024};
    struct corpus_signer *signer = corpus_signer_create(key);
    struct one_record dns = {{answer, never}, corpus_signer_record(signer)};
    struct key_cache *cache = key_cache_create(1 << 20, 0, &clock_system);
    struct key_lookup *lookup = cache != NULL ? key_lookup_create(cache, &dns.source, &clock_system, NULL) : NULL;
    struct bench *bench = calloc(1, sizeof *bench);
    require(lookup != NULL && bench != NULL && digest_init(&bench->digest), "no memory");
    bench->verifier = message_verifier_create(&verifier_policy_default, key_lookup_source(lookup), &clock_system);
    bench->field = bytes_with_cap(4096);
    bench->all_passed = true;
    struct dns_answer record;
    answer(&dns.source, span_of(corpus_key_name), DNS_TXT, NULL, &record);
    struct key_entry *entry = key_entry_create(&record, clock_unix_s(&clock_system));
    require(bench->verifier != NULL && entry != NULL && entry->record_count == 1, "no verifier or no key");
    bench->key = entry->record[0]->key;
    printf("\n%s\n   body  kind    canon.    verifier  spread     floor  spread  verifier/s    floor/s   ratio\n", name);
    for (size_t i = 0; i < sizeof body_lens / sizeof *body_lens; i++)
        for (enum corpus_body body = 0; body < CORPUS_BODY_COUNT; body++)
            for (int kind = CANON_RELAXED; kind >= CANON_SIMPLE; kind--)
                print_cell(plan, bench, signer, (struct cell){body, body_lens[i], (enum canonicalization)kind});
    key_entry_release(entry);
    message_verifier_destroy(bench->verifier);
    bytes_release(&bench->field);
    digest_release(&bench->digest);
    free(bench);
    key_lookup_destroy(lookup);
    key_cache_destroy(cache);
    corpus_signer_destroy(signer);
}

int main(int argc, char **argv) {
    struct measure_plan plan = measure_plan_of(argc, argv);
    printf("Whole verifier and floor, one core: CPU microseconds a message, messages a second; median of %u rounds by turns\n"
           "(verifier: parse, canonicalize, hash, key cache, verify, write Authentication-Results; floor: SHA-256 over the\n"
           "canonical octets plus the public-key operation). Body in octets; a header section of 25 fields comes on top.\n",
           plan.rounds);
    print_table(plan, CORPUS_RSA_2048, "One rsa-sha256 signature, 2048 bits");
    print_table(plan, CORPUS_ED25519, "One ed25519-sha256 signature");
    return 0;
}
