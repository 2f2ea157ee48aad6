/* verifier/spf_macro.h -- SPF's macro language (RFC 7208 section 7): its grammar, and its expansion into a name or a
 * text. What the letters stand for is handed in; where %{p} comes from is spf_check's business, and the DNS too. Pure
 * but for the buffer that expansion grows in, which is bounded. No clock: the time is one of the values. Cost: one
 * pass. Limits: SPF_MACRO_WORK_MAX octets of literals and values go into one expansion, so a record full of macros ends
 * soon; digits of any length saturate. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/span.h"

enum { SPF_MACRO_WORK_MAX = 64 * 1024, SPF_MACRO_DOMAIN_MAX = 253 };

/* Where a text with macros stands, which decides what may stand in it. */
enum spf_macro_place {
    SPF_MACRO_IN_DOMAIN,      /* domain-spec: has a domain-end; no c, r, t */
    SPF_MACRO_IN_MODIFIER,    /* value of an unknown modifier: any macro-string, also an empty one */
    SPF_MACRO_IN_EXPLANATION, /* explain-string: spaces too */
};

#define SPF_MACRO_STATUS(X)                                                                                            \
    X(SPF_MACRO_OK, "expanded")                                                                                        \
    X(SPF_MACRO_SYNTAX, "text does not follow the grammar")                                                            \
    X(SPF_MACRO_TOO_LONG, "expansion is over its limit")                                                               \
    X(SPF_MACRO_NOT_ASCII, "expansion is not printable ASCII")                                                         \
    X(SPF_MACRO_NO_MEMORY, "out of memory")
#define X(name, text) name,
enum spf_macro_status { SPF_MACRO_STATUS(X) };
#undef X

/* The letters of section 7.2. All spans are borrowed. */
struct spf_macro_values {
    struct span sender, local_part, sender_domain; /* s l o */
    struct span domain;                            /* d */
    struct span helo;                              /* h, as it came */
    struct span receiver, validated_name;          /* r p; empty: "unknown" */
    const uint8_t *address;                        /* i v c; 4 octets when is_v4, else 16 */
    bool is_v4;
    int64_t now_s; /* t */
};

/* Does text follow the grammar of place (section 7.1; domain-spec of 12)? */
bool spf_macro_is_valid(struct span text, enum spf_macro_place place);
/* Does text, which is valid, use %{p}? */
bool spf_macro_wants_validated_name(struct span text);

/* Expands a domain-spec into a name: raw octets, not escaped for dns_name, without final dot; over 253 octets it loses
 * labels on the left until it fits (section 7.3). *len 0: nothing was left. The name need not be legal. */
enum spf_macro_status spf_macro_expand_domain(struct span domain_spec, const struct spf_macro_values *values,
                                              char out[SPF_MACRO_DOMAIN_MAX], size_t *len);
/* Appends an explanation's expansion to out, whose cap bounds it. What went in before a status but SPF_MACRO_OK stays.
 */
enum spf_macro_status spf_macro_expand_text(struct span text, const struct spf_macro_values *values, struct bytes *out);
/* Static text for logs. */
const char *spf_macro_status_text(enum spf_macro_status status);
