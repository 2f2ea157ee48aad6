#include "bench/chain.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "verifier/arc_seal.h"
#include "verifier/key_cache.h"
#include "verifier/key_lookup.h"
#include "verifier/message_verifier.h"

static void require(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "bench: %s\n", what);
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

struct chain {
    struct one_record dns;
    struct sealing_key *key;
    struct key_cache *cache;
    struct key_lookup *lookup;
    struct verifier_policy policy;
    struct message_verifier *verifier;
    struct bytes message; /* the chain so far */
    struct bytes set;
};

const struct arc_result *chain_validate(struct chain *chain) {
    message_verifier_begin(chain->verifier, NULL, NULL);
    message_verifier_update(chain->verifier, bytes_span(&chain->message));
    require(message_verifier_end(chain->verifier) == VERIFIER_DONE, "keys are not warm");
    return &message_verifier_result(chain->verifier)->arc;
}

void chain_seal(struct chain *chain) {
    uint8_t body_hash[DIGEST_OCTETS];
    struct arc_seal_request request = {.section = message_verifier_header(chain->verifier),
                                       .body_hash = body_hash,
                                       .arc = &message_verifier_result(chain->verifier)->arc,
                                       .results = span_of("mx.example.org; none"),
                                       .domain = span_of("example.org"),
                                       .selector = span_of("sel"),
                                       .key = chain->key,
                                       .now_s = 1700000000};
    bytes_clear(&chain->set);
    require(message_verifier_seal_hash(chain->verifier, body_hash) &&
                arc_seal_write(&chain->set, &request) == ARC_SEAL_ADDED,
            "cannot seal");
}

static void make_key(struct chain *chain, bool is_rsa) {
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
    snprintf(chain->dns.text, sizeof chain->dns.text, "v=DKIM1; k=%s; p=%.900s", is_rsa ? "rsa" : "ed25519", base64);
    require(sealing_key_load(path, &chain->key) == SEALING_KEY_OK, "cannot load the key");
    unlink(path);
    EVP_PKEY_free(pkey);
}

struct chain *chain_create(bool is_rsa) {
    struct chain *chain = calloc(1, sizeof *chain);
    require(chain != NULL, "no memory");
    *chain = (struct chain){.dns.source = {answer, never}, .policy = verifier_policy_default};
    chain->message = bytes_with_cap(1 << 20);
    chain->set = bytes_with_cap(1 << 16);
    chain->policy.wants_seal_hash = true;
    make_key(chain, is_rsa);
    chain->cache = key_cache_create(1 << 20, 0, &clock_system);
    require(chain->cache != NULL, "no memory");
    chain->lookup = key_lookup_create(chain->cache, &chain->dns.source, &clock_system, NULL);
    require(chain->lookup != NULL, "no memory");
    chain->verifier = message_verifier_create(&chain->policy, key_lookup_source(chain->lookup), &clock_system);
    require(chain->verifier != NULL, "no memory");
    bytes_append_text(&chain->message, "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: a chain\r\n"
                                       "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n");
    for (int i = 0; i < 32; i++)
        bytes_append_text(&chain->message, "A line of sixty-four octets, which makes a body of two KiB ...\r\n");
    return chain;
}

void chain_destroy(struct chain *chain) {
    message_verifier_destroy(chain->verifier);
    key_lookup_destroy(chain->lookup);
    key_cache_destroy(chain->cache);
    sealing_key_release(chain->key);
    bytes_release(&chain->message);
    bytes_release(&chain->set);
    free(chain);
}

struct span chain_octets(const struct chain *chain) { return bytes_span(&chain->message); }
struct span chain_record(const struct chain *chain) { return span_of(chain->dns.text); }

void chain_grow(struct chain *chain) {
    struct bytes longer = bytes_with_cap(1 << 20);
    chain_validate(chain);
    chain_seal(chain);
    require(bytes_append(&longer, bytes_span(&chain->set)) && bytes_append(&longer, bytes_span(&chain->message)),
            "no memory");
    bytes_release(&chain->message);
    chain->message = longer;
}

