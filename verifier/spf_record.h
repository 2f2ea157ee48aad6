/* verifier/spf_record.h -- an SPF record's text as its terms (RFC 7208 sections 4.5, 4.6, 5, 6 and 12).
 * A record is read whole, so that a syntax error anywhere shows before anything is matched (4.6); its directives are
 * then walked in their order. Strict: numbers without leading zeros, addresses whole, domain-specs with their
 * domain-end. What terms mean for a client belongs to spf_check. Pure: no allocation, I/O, clock or lock. Cost: two
 * passes, one to check and one to walk. Limits: SPF_RECORD_MAX octets. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/endpoint.h"
#include "base/span.h"
#include "verifier/result.h"

enum { SPF_RECORD_MAX = 16 * 1024 };

#define SPF_MECHANISMS(X)                                                                                              \
    X(SPF_MECHANISM_ALL, "all")                                                                                        \
    X(SPF_MECHANISM_INCLUDE, "include")                                                                                \
    X(SPF_MECHANISM_A, "a")                                                                                            \
    X(SPF_MECHANISM_MX, "mx")                                                                                          \
    X(SPF_MECHANISM_PTR, "ptr")                                                                                        \
    X(SPF_MECHANISM_IP4, "ip4")                                                                                        \
    X(SPF_MECHANISM_IP6, "ip6")                                                                                        \
    X(SPF_MECHANISM_EXISTS, "exists")
#define X(id, word) id,
enum spf_mechanism { SPF_MECHANISMS(X) SPF_MECHANISM_COUNT };
#undef X

#define SPF_RECORD_STATUS(X)                                                                                           \
    X(SPF_RECORD_OK, "valid record")                                                                                   \
    X(SPF_RECORD_NO_VERSION, "does not begin with v=spf1")                                                             \
    X(SPF_RECORD_TOO_LONG, "record is too long")                                                                       \
    X(SPF_RECORD_BAD_OCTET, "octet that is not printable ASCII")                                                       \
    X(SPF_RECORD_UNKNOWN_MECHANISM, "unknown mechanism")                                                               \
    X(SPF_RECORD_BAD_ARGUMENT, "argument missing, or none allowed")                                                    \
    X(SPF_RECORD_BAD_DOMAIN, "domain does not follow the grammar")                                                     \
    X(SPF_RECORD_BAD_NETWORK, "not an address")                                                                        \
    X(SPF_RECORD_BAD_PREFIX, "prefix length out of range")                                                             \
    X(SPF_RECORD_BAD_MODIFIER, "value of a modifier does not follow the grammar")                                      \
    X(SPF_RECORD_DUPLICATE_MODIFIER, "modifier occurs twice")
#define X(name, text) name,
enum spf_record_status { SPF_RECORD_STATUS(X) };
#undef X

struct spf_directive {
    struct span text;           /* as it stands in the record, with its qualifier */
    enum auth_result qualifier; /* what a match means: pass, fail, softfail, neutral */
    enum spf_mechanism mechanism;
    struct span domain_spec;                 /* not expanded; empty, which no domain-spec is: the current domain */
    struct network network;                  /* ip4, ip6; host bits may be set */
    unsigned prefix_v4_bits, prefix_v6_bits; /* a, mx: 0..32 and 0..128 */
};

/* A record that was read. The fields but redirect and explanation are the module's own. */
struct spf_record {
    struct span terms;
    struct span redirect, explanation; /* domain-specs of redirect= and exp=; empty when absent */
};

/* Is text an SPF record, good or bad: v=spf1, in any case, then a space or the end (section 4.5)? */
bool spf_record_is_spf(struct span text);
/* Reads text, which must outlive *out. On any status but SPF_RECORD_OK, *out has no terms and *error_term is the term
 * at fault (empty when it is the record), which may hold any octets. */
enum spf_record_status spf_record_parse(struct span text, struct spf_record *out, struct span *error_term);
/* The next directive of a record that was read without an error; *at begins as 0. False: there is none. */
bool spf_record_next(const struct spf_record *record, size_t *at, struct spf_directive *out);
const char *spf_record_status_text(enum spf_record_status status);
