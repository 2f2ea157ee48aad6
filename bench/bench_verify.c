/* bench_verify.c -- the whole verifier beside its floor, in one run.
 * Verifier: parse, canonicalize, hash, look the key up in a warm cache, verify, write Authentication-Results; the message
 * comes in pieces of 16 KiB. Floor: SHA-256 over exactly the canonical octets (body and header input), each in one piece,
 * plus the public-key operation with a ready key. Both run by turns in each round; figures are medians of CPU time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/corpus.h"
#include "bench/measure.h"
#include "verifier/auth_results.h"
#include "verifier/key_cache.h"
#include "verifier/key_lookup.h"
#include "verifier/message_verifier.h"
#include "verifier/public_key.h"

enum { PIECE = 16 * 1024, MESSAGES_MAX = 32, CORPUS_OCTETS = 4 * 1024 * 1024, CORPUS_LEAST = 2 };

static void require(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "bench_verify: %s\n", what);
    exit(1);
}

/* DNS that holds the key records of the signers. */
struct key_records {
    struct dns_source source;
    struct corpus_signer *signer[CORPUS_KEY_COUNT];
};

static enum dns_progress answer(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                                struct dns_answer *out) {
    struct key_records *dns = (struct key_records *)(void *)source;
    (void)query;
    *out = (struct dns_answer){.status = DNS_NXDOMAIN, .dnssec = DNSSEC_SECURE, .ttl_s = 3600};
    for (size_t i = 0; type == DNS_TXT && i < CORPUS_KEY_COUNT; i++) {
        if (!span_equal_nocase(name, corpus_signer_question(dns->signer[i]))) continue;
        out->status = DNS_FOUND;
        out->record[out->record_count++] = corpus_signer_record(dns->signer[i]);
    }
    return DNS_ANSWERED;
}

static void never(struct dns_source *source, struct dns_query *query) { (void)source, (void)query; }

struct bench {
    struct corpus_message message[MESSAGES_MAX];
    size_t count;
    struct message_verifier *verifier;
    struct bytes field;          /* the Authentication-Results written */
    struct digest digest;        /* the floor's */
    struct key_entry *key[CORPUS_SIGNATURES_MAX]; /* ready, of each signature */
    size_t signature_count;
    struct dns_answer record;    /* the first of those keys as it comes from the DNS */
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
    bool passed = done && result->dkim_count == bench->signature_count;
    for (size_t j = 0; passed && j < result->dkim_count; j++) passed = result->dkim[j].result == RESULT_PASS;
    if (!passed || !auth_results_write(&bench->field, span_of("mx.example.org"), result)) bench->all_passed = false;
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
    for (size_t j = 0; j < message->signature_count; j++) {
        const struct corpus_signature *signature = &message->signature[j];
        hash(&bench->digest, &signature->header_input, value);
        if (public_key_verify(bench->key[j]->record[0]->key, value, bytes_span(&signature->value)) != PUBLIC_KEY_VERIFIED)
            bench->all_passed = false;
    }
}

/* A key whose answer has just come: record and DER read, key object made, first verification. */
static void cold_key(void *context, size_t i) {
    struct bench *bench = context;
    const struct corpus_signature *signature = &bench->message[0].signature[0];
    uint8_t value[DIGEST_OCTETS];
    (void)i;
    hash(&bench->digest, &signature->header_input, value);
    struct key_entry *entry = key_entry_create(&bench->record, clock_unix_s(&clock_system));
    if (entry == NULL || entry->record_count != 1 ||
        public_key_verify(entry->record[0]->key, value, bytes_span(&signature->value)) != PUBLIC_KEY_VERIFIED)
        bench->all_passed = false;
    key_entry_release(entry);
}

static const char *kind_name(enum canonicalization kind) { return kind == CANON_SIMPLE ? "simple" : "relaxed"; }

/* keys: rsa2048, rsa2048+ed25519. */
static void print_cell(struct measure_plan plan, struct bench *bench, const char *keys, struct corpus_recipe recipe) {
    size_t count = CORPUS_OCTETS / recipe.body_len;
    bench->count = count < CORPUS_LEAST ? CORPUS_LEAST : count < MESSAGES_MAX ? count : MESSAGES_MAX;
    for (size_t i = 0; i < bench->count; i++) {
        recipe.seed = i + 1;
        corpus_message_make(&bench->message[i], &recipe);
    }
    struct work works[] = {{verify_whole, bench}, {floor_only, bench}};
    struct measured measured[2];
    measure(plan, works, 2, measured);
    require(bench->all_passed, "a message of the corpus did not pass");
    double verifier_us = measured[0].median_us, floor_us = measured[1].median_us, rest_us = verifier_us - floor_us;
    const char *body = corpus_body_name(recipe.body), *kind = kind_name(recipe.canonicalization);
    printf("%8zu  %-7s %-8s %9.1f %6.1f%% %9.1f %6.1f%% %10.0f %7.2f", recipe.body_len, body, kind, verifier_us,
           measured_spread_percent(&measured[0]), floor_us, measured_spread_percent(&measured[1]), 1e6 / verifier_us,
           measured[0].to_last);
    if (rest_us > floor_us / 50) printf(" %9.1f %6.1f\n", rest_us, (double)bench->message[0].octets.len / rest_us / 1e3);
    else printf("         -      -\n"); /* less than two runs of the floor differ by */
    fflush(stdout);
    if (plan.json != NULL)
        fprintf(plan.json,
                "{\"keys\":\"%s\",\"body\":\"%s\",\"canonicalization\":\"%s\",\"octets\":%zu,\"verifier_us\":%.2f,"
                "\"verifier_spread_percent\":%.1f,\"floor_us\":%.2f,\"floor_spread_percent\":%.1f,\"ratio\":%.3f}\n",
                keys, body, kind, recipe.body_len, verifier_us, measured_spread_percent(&measured[0]), floor_us,
                measured_spread_percent(&measured[1]), measured[0].to_last);
    for (size_t i = 0; i < bench->count; i++) corpus_message_release(&bench->message[i]);
}

static void print_cold_key(struct measure_plan plan, struct bench *bench, const char *keys, struct corpus_recipe recipe) {
    struct work work = {cold_key, bench};
    struct measured measured;
    corpus_message_make(&bench->message[0], &recipe);
    measure(plan, &work, 1, &measured);
    require(bench->all_passed, "a key did not verify");
    printf("cold key (record read, key object made, first verification): %.1f us, spread %.1f%%\n", measured.median_us,
           measured_spread_percent(&measured));
    if (plan.json != NULL)
        fprintf(plan.json, "{\"keys\":\"%s\",\"cold_key_us\":%.2f,\"cold_key_spread_percent\":%.1f}\n", keys, measured.median_us,
                measured_spread_percent(&measured));
    corpus_message_release(&bench->message[0]);
}

static void get_ready(struct bench *bench, struct key_records *dns, const enum corpus_key *keys, size_t key_count) {
    bench->field = bytes_with_cap(4096);
    bench->signature_count = key_count;
    bench->all_passed = true;
    for (size_t i = key_count; i-- > 0;) { /* so that record is the first one's in the end */
        answer(&dns->source, corpus_signer_question(dns->signer[keys[i]]), DNS_TXT, NULL, &bench->record);
        bench->key[i] = key_entry_create(&bench->record, clock_unix_s(&clock_system));
        require(bench->key[i] != NULL && bench->key[i]->record_count == 1, "no key");
    }
}

struct table {
    const char *title;
    size_t key_count;
    enum corpus_key key[CORPUS_SIGNATURES_MAX];
    bool whole; /* every body and canonicalization; else text and HTML, relaxed */
};

static void print_table(struct measure_plan plan, struct key_records *dns, const struct table *table) {
    static const size_t body_lens[] = {2 * 1024, 20 * 1024, 100 * 1024, 1024 * 1024, 10 * 1024 * 1024};
    struct key_cache *cache = key_cache_create(1 << 20, 0, &clock_system);
    struct key_lookup *lookup = cache != NULL ? key_lookup_create(cache, &dns->source, &clock_system, NULL) : NULL;
    struct bench *bench = calloc(1, sizeof *bench);
    struct corpus_recipe recipe = {.canonicalization = CANON_RELAXED, .body = CORPUS_TEXT, .body_len = 2048, .seed = 1};
    char keys[64] = "";
    require(lookup != NULL && bench != NULL && digest_init(&bench->digest), "no memory");
    bench->verifier = message_verifier_create(&verifier_policy_default, key_lookup_source(lookup), &clock_system);
    require(bench->verifier != NULL, "no memory");
    get_ready(bench, dns, table->key, table->key_count);
    for (size_t i = 0; i < table->key_count; i++) {
        size_t len = strlen(keys);
        snprintf(keys + len, sizeof keys - len, "%s%s", i > 0 ? "+" : "", corpus_key_name(table->key[i]));
        recipe.signer[i] = dns->signer[table->key[i]];
    }
    printf("\n%s\n    body  kind    canon.    verifier  spread     floor  spread  verifier/s   ratio   rest us   GB/s\n",
           table->title);
    for (size_t i = 0; i < sizeof body_lens / sizeof *body_lens; i++)
        for (enum corpus_body body = table->whole ? 0 : CORPUS_TEXT; body < CORPUS_BODY_COUNT; body++)
            for (int kind = CANON_RELAXED; kind >= (table->whole ? CANON_SIMPLE : CANON_RELAXED); kind--) {
                recipe.body_len = body_lens[i];
                recipe.body = body;
                recipe.canonicalization = (enum canonicalization)kind;
                print_cell(plan, bench, keys, recipe);
            }
    recipe.body_len = body_lens[0];
    if (table->key_count == 1) print_cold_key(plan, bench, keys, recipe);
    for (size_t i = 0; i < table->key_count; i++) key_entry_release(bench->key[i]);
    message_verifier_destroy(bench->verifier);
    bytes_release(&bench->field);
    digest_release(&bench->digest);
    free(bench);
    key_lookup_destroy(lookup);
    key_cache_destroy(cache);
}

int main(int argc, char **argv) {
    static const struct table tables[] = {
        {"One rsa-sha256 signature, 2048 bits", 1, {CORPUS_RSA_2048}, true},
        {"One rsa-sha256 signature, 1024 bits", 1, {CORPUS_RSA_1024}, false},
        {"One rsa-sha256 signature, 4096 bits", 1, {CORPUS_RSA_4096}, false},
        {"One ed25519-sha256 signature", 1, {CORPUS_ED25519}, false},
        {"Two signatures: rsa-sha256, 2048 bits, and ed25519-sha256", 2, {CORPUS_RSA_2048, CORPUS_ED25519}, false},
    };
    struct measure_plan plan = measure_plan_of(argc, argv);
    struct key_records dns = {.source = {answer, never}};
    for (enum corpus_key key = 0; key < CORPUS_KEY_COUNT; key++) dns.signer[key] = corpus_signer_create(key);
    printf("Whole verifier and floor, one core: CPU microseconds a message, messages a second; median of %u rounds by turns\n"
           "(verifier: parse, canonicalize, hash, key cache, verify, write Authentication-Results; floor: SHA-256 over the\n"
           "canonical octets plus the public-key operation; ratio: verifier by floor, median of the rounds; rest: verifier less floor, which is parse,\n"
           "canonicalization and results, and how many octets a second that is). Body in octets; a header section of 25 fields\n"
           "comes on top.\n",
           plan.rounds);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) print_table(plan, &dns, &tables[i]);
    for (enum corpus_key key = 0; key < CORPUS_KEY_COUNT; key++) corpus_signer_destroy(dns.signer[key]);
    return plan.json == NULL || fclose(plan.json) == 0 ? 0 : 1;
}
