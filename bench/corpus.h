/* bench/corpus.h -- signed messages to measure with, the same on every run but for the keys, which are made at start.
 * 25 header fields, of which one is the DKIM-Signature (26 with two of them); a body of a given size. Canonical forms are made here by the
 * letter of RFC 6376, apart from the verifier's modules, so a pass means that two writers agree.
 * Ends the program with a sentence when memory or OpenSSL fails. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"
#include "verifier/body_canon.h"
#include "verifier/digest.h"

#define CORPUS_BODIES(X)                                                                                               \
    X(CORPUS_BASE64, "base64") /* lines of 76 characters */                                                            \
    X(CORPUS_TEXT, "text")     /* sentences, some double blanks, quoted lines, empty lines */                          \
    X(CORPUS_HTML, "html")     /* indented tables, long tags */
#define X(id, name) id,
enum corpus_body { CORPUS_BODIES(X) CORPUS_BODY_COUNT };
#undef X
const char *corpus_body_name(enum corpus_body body);

/* Appends len octets of that kind of body, CRLF at the end. */
void corpus_append_body(struct bytes *out, enum corpus_body body, size_t len, uint64_t seed);

#define CORPUS_KEYS(X)                                                                                                 \
    X(CORPUS_RSA_1024, "rsa1024", "rsa", 1024)                                                                         \
    X(CORPUS_RSA_2048, "rsa2048", "rsa", 2048)                                                                         \
    X(CORPUS_RSA_4096, "rsa4096", "rsa", 4096)                                                                         \
    X(CORPUS_ED25519, "ed25519", "ed25519", 256)
#define X(id, name, algorithm, bits) id,
enum corpus_key { CORPUS_KEYS(X) CORPUS_KEY_COUNT };
#undef X
const char *corpus_key_name(enum corpus_key key);

struct corpus_signer;
struct corpus_signer *corpus_signer_create(enum corpus_key key);
void corpus_signer_destroy(struct corpus_signer *signer);
struct span corpus_signer_question(const struct corpus_signer *signer); /* "selector._domainkey.domain" */
struct span corpus_signer_record(const struct corpus_signer *signer);   /* the TXT record there */

enum { CORPUS_SIGNATURES_MAX = 2 };

struct corpus_recipe {
    const struct corpus_signer *signer[CORPUS_SIGNATURES_MAX]; /* one DKIM-Signature each, the first on top; NULL: none */
    enum canonicalization canonicalization;                    /* of header and body */
    enum corpus_body body;
    size_t body_len;
    uint64_t seed;                                             /* the same gives the same message but for the keys' part */
};

struct corpus_message {
    struct bytes octets;         /* as on the wire */
    struct bytes canonical_body; /* what the hashes are made of */
    size_t signature_count;
    struct corpus_signature {
        struct bytes header_input;
        struct bytes value; /* b=, raw */
    } signature[CORPUS_SIGNATURES_MAX];
};
void corpus_message_make(struct corpus_message *out, const struct corpus_recipe *recipe);
void corpus_message_release(struct corpus_message *message);
