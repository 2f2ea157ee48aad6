/* verifier/dkim_signature.h -- one DKIM-Signature field, read (RFC 6376 section 3.5, RFC 8616 for U-labels), or one of the two
 * fields of ARC made like it, ARC-Message-Signature and ARC-Seal (RFC 8617 sections 4.1.2 and 4.1.3).
 * Says what the field is and everything that is wrong with it in itself; time, key and message are dkim_check's business.
 * Of several things wrong the code names the first in this order: not a tag-list (or a bare CR or LF in the field), a tag
 * twice, a required tag missing or empty, then v= c= q= d= s= i= t= x= l= h= bh= b=, From unsigned, x= not after t=,
 * and last a=, since an algorithm we do not take (neutral, policy) is less wrong than a broken field (permerror).
 * ARC differs in its tags alone: i= is the instance, v= means nothing, c= is relaxed/relaxed when absent, h= need not hold From
 * but must not hold ARC-Seal; a seal has cv=, no h=, and is canonicalized relaxed.
 * Read strictly as the grammar has it, but for what ABNF lets be: words of a=, c= and q= in any case.
 * Pure but for arena. Cost: one pass, 2 us for 600 octets. Limits: 1,000 names in h=, names 253 octets. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/span.h"
#include "verifier/body_canon.h"
#include "verifier/header_section.h"
#include "verifier/result.h"

enum { SIGNED_NAMES_MAX = 1000 };

enum signature_kind { SIGNATURE_DKIM, SIGNATURE_ARC_MESSAGE, SIGNATURE_ARC_SEAL, SIGNATURE_KIND_COUNT };

enum chain_validation { CHAIN_UNSAID, CHAIN_NONE, CHAIN_PASS, CHAIN_FAIL }; /* cv= of a seal */

struct dkim_signature {
    enum dkim_code code;      /* DKIM_OK, or the first thing wrong: DKIM_SIG_* */
    struct span detail;       /* for people: the tag meant ("bh="), or how the tag-list is broken; static, may be empty */
    struct span domain, selector, auid; /* d=, s= as written; i= decoded, "@d" when absent */
    struct span domain_ascii; /* d= as lower-case A-labels, for compares and queries */
    struct span auid_domain_ascii; /* domain part of i=, the same way */
    struct span key_name;     /* "selector._domainkey.domain", lower-case A-labels; empty unless both are legal */
    struct span algorithm;    /* a= as written */
    enum key_algorithm key_algorithm; /* KEY_ALGORITHM_UNKNOWN for an unknown a= */
    bool sha1;                /* a=rsa-sha1 */
    enum canonicalization header_canon, body_canon;
    struct span body_hash;    /* bh= decoded */
    struct span signature;    /* b= decoded, raw octets */
    struct span signature_text;  /* b= without white space */
    struct span signature_value; /* b= as it stands in the field's body, white space included: what is left out of the
                                    hash (section 3.7) */
    struct span *signed_names;   /* h=, trimmed, as written */
    size_t signed_count;
    bool has_body_limit;
    uint64_t body_limit;      /* l=, UINT64_MAX when it is larger */
    bool has_timestamp, has_expiration;
    int64_t timestamp_s, expiration_s;
    unsigned instance;        /* ARC: i=; 0 when absent or no number */
    enum chain_validation chain_validation;
};

/* Reads field (named DKIM-Signature). All that can be read is filled in even when code says that something is wrong:
 * reports want d= and s=. Spans point into field or arena. False: arena spent. */
bool dkim_signature_parse(const struct header_field *field, struct arena *arena, struct dkim_signature *out);
/* The same for a field of any kind. */
bool dkim_signature_parse_kind(enum signature_kind kind, const struct header_field *field, struct arena *arena,
                               struct dkim_signature *out);
/* Sections 3.5 (t=, x=) and 6.1.1: DKIM_OK, DKIM_SIG_FUTURE or DKIM_SIG_EXPIRED; clocks may differ by drift_s. */
enum dkim_code dkim_signature_judge_time(const struct dkim_signature *signature, int64_t now_s, int64_t drift_s);
