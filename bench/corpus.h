/* bench/corpus.h -- signed messages to measure with, the same on every run but for the keys, which are made at start.
 * 25 header fields, of which one is the DKIM-Signature; a body of a given size. Canonical forms are made here by the
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

enum corpus_key { CORPUS_RSA_2048, CORPUS_ED25519 };

struct corpus_signer;
struct corpus_signer *corpus_signer_create(enum corpus_key key);
void corpus_signer_destroy(struct corpus_signer *signer);
struct span corpus_signer_record(const struct corpus_signer *signer);    /* the TXT record at corpus_key_name */
extern const char corpus_key_name[];                                     /* "selector._domainkey.domain" */

struct corpus_message {
    struct bytes octets;         /* as on the wire */
    struct bytes canonical_body; /* what the two hashes are made of */
    struct bytes header_input;
    uint8_t header_hash[DIGEST_OCTETS];
    struct bytes signature;      /* b=, raw */
};
/* The same seed gives the same message but for what depends on the key. */
void corpus_message_make(struct corpus_message *out, const struct corpus_signer *signer, enum canonicalization canonicalization,
                         enum corpus_body body, size_t body_len, uint64_t seed);
void corpus_message_release(struct corpus_message *message);
