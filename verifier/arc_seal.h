/* verifier/arc_seal.h -- make an ARC set for a message: ARC-Seal, ARC-Message-Signature and ARC-Authentication-Results,
 * to be put on top of it in this order (RFC 8617 section 5.1). relaxed/relaxed; rsa-sha256 or ed25519-sha256, as the
 * key is. h= holds what the message has of a list (arc_seal_signed_fields), never an ARC or Authentication-Results
 * field; fields that occur once are listed once more, so that nobody adds a second one. cv= is what our own validation
 * said. A chain that we found broken is sealed once, with cv=fail and a seal over our own set alone (section 5.1.2);
 * one that says itself that it is broken is not extended, nor one of 50 sets. Folded at 78, and signed in the folded
 * form; a line of one b= piece, name or value that is longer stays whole. Pure but for memory; any thread, when each
 * has its own request. Cost: two private-key operations, a hash of the signed fields and of all ARC sets. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "verifier/digest.h"
#include "verifier/header_section.h"
#include "verifier/result.h"
#include "verifier/sealing_key.h"

#define ARC_SEAL_STATUSES(X)                                                                                           \
    X(ARC_SEAL_ADDED, "the message was sealed")                                                                        \
    X(ARC_SEAL_ALREADY_FAILED, "the chain says itself that it is broken")                                              \
    X(ARC_SEAL_FULL, "the chain has as many sets as there may be")                                                     \
    X(ARC_SEAL_KEY_FAILED, "the key does not sign")                                                                    \
    X(ARC_SEAL_NO_MEMORY, "out of memory, or no room for the fields")
#define X(id, text) id,
enum arc_seal_status { ARC_SEAL_STATUSES(X) ARC_SEAL_STATUS_COUNT };
#undef X
const char *arc_seal_status_text(enum arc_seal_status status);

enum { ARC_SEAL_SIGNED_MAX = 100 }; /* names in h= that we write */

struct arc_seal_request {
    const struct header_section *section; /* of the message as it goes on */
    const uint8_t *body_hash;             /* of its body: message_verifier_seal_hash */
    const struct arc_result *arc;         /* our own validation */
    struct span results;          /* body of our Authentication-Results field: authserv-id first; may be folded */
    struct span domain, selector; /* d= and s=, A-labels */
    const struct sealing_key *key;
    int64_t now_s;
    struct span signed_names; /* h= as it shall stand; empty: our own choice */
    bool plain;               /* tags by name, no fold, no other white space than a blank after each semicolon */
};
/* Appends the three fields, each with its final CRLF. Any status but ARC_SEAL_ADDED: nothing was appended. */
enum arc_seal_status arc_seal_write(struct bytes *out, const struct arc_seal_request *request);

/* May h= be names, a list with colons and without white space? Not with an ARC or Authentication-Results field in it.
 */
bool arc_seal_may_sign(struct span names);

struct authserv_id;
/* For results that another server of our ADMD has written (section 5.1 step 2): appends id and what the
 * Authentication-Results fields of section that are id's and well formed hold, one after the other, folded anew. False:
 * there is none, or no memory. */
bool arc_seal_merge_results(struct bytes *out, const struct header_section *section, const struct authserv_id *id);
