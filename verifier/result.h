/* verifier/result.h -- what a verification found out: the shape that the verifier fills and Authentication-Results,
 * reports, log lines, statistics and rules read. RFC 8601 section 2.7 for the result words.
 * Pure data. All spans of a result live in the arena of the message_verifier that made it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "verifier/digest.h"
#include "verifier/dns.h"

#define AUTH_RESULTS(X)                                                                                                \
    X(RESULT_NONE, "none")                                                                                             \
    X(RESULT_PASS, "pass")                                                                                             \
    X(RESULT_FAIL, "fail")                                                                                             \
    X(RESULT_POLICY, "policy")                                                                                         \
    X(RESULT_NEUTRAL, "neutral")                                                                                       \
    X(RESULT_TEMPERROR, "temperror")                                                                                   \
    X(RESULT_PERMERROR, "permerror")                                                                                   \
    X(RESULT_SOFTFAIL, "softfail") /* SPF only: RFC 7208 section 2.6.5 */
#define X(id, word) id,
enum auth_result { AUTH_RESULTS(X) AUTH_RESULT_COUNT };
#undef X
const char *auth_result_word(enum auth_result result);

/* Why a signature got its result. id, code in JSON and logs, result it leads to, cause in metrics, short text for the
 * comment of Authentication-Results (letters, digits, space and . , - _ % : only). */
#define DKIM_CODES(X)                                                                                                      \
    X(DKIM_OK, "ok", RESULT_PASS, CAUSE_NONE, "verified")                                                                  \
    X(DKIM_NO_SIGNATURE, "no_signature", RESULT_NONE, CAUSE_NONE, "message not signed")                                    \
    X(DKIM_BODY_HASH_MISMATCH, "body_hash_mismatch", RESULT_FAIL, CAUSE_BODY_OTHER, "body hash mismatch")                  \
    X(DKIM_SIGNATURE_MISMATCH, "signature_mismatch", RESULT_FAIL, CAUSE_HEADER_OTHER, "signature mismatch")                \
    X(DKIM_BODY_TOO_SHORT, "body_too_short", RESULT_FAIL, CAUSE_BODY_TRUNCATED, "body shorter than its signed length")     \
    X(DKIM_BODY_UNSIGNED_OCTETS, "body_unsigned_octets", RESULT_POLICY, CAUSE_BODY_APPENDED,                               \
      "unsigned octets at the end of the body")                                                                            \
    X(DKIM_SIG_SYNTAX, "sig_syntax", RESULT_PERMERROR, CAUSE_SIG_SYNTAX, "signature field has bad syntax")                 \
    X(DKIM_SIG_MISSING_TAG, "sig_missing_tag", RESULT_PERMERROR, CAUSE_SIG_SYNTAX, "signature lacks a required tag")       \
    X(DKIM_SIG_DUPLICATE_TAG, "sig_duplicate_tag", RESULT_PERMERROR, CAUSE_SIG_SYNTAX, "signature repeats a tag")          \
    X(DKIM_SIG_VERSION, "sig_version", RESULT_PERMERROR, CAUSE_SIG_SYNTAX, "unknown signature version")                    \
    X(DKIM_SIG_CANONICALIZATION, "sig_canonicalization", RESULT_PERMERROR, CAUSE_SIG_SYNTAX, "unknown canonicalization")   \
    X(DKIM_SIG_QUERY_METHOD, "sig_query_method", RESULT_PERMERROR, CAUSE_SIG_SYNTAX, "unknown query method")               \
    X(DKIM_SIG_FROM_UNSIGNED, "sig_from_unsigned", RESULT_PERMERROR, CAUSE_SIG_SYNTAX, "From is not signed")               \
    X(DKIM_SIG_DOMAIN, "sig_domain", RESULT_PERMERROR, CAUSE_SIG_SYNTAX, "illegal domain or selector name")                \
    X(DKIM_SIG_IDENTITY, "sig_identity", RESULT_PERMERROR, CAUSE_SIG_IDENTITY, "identity outside the signing domain")      \
    X(DKIM_SIG_ALGORITHM, "sig_algorithm", RESULT_NEUTRAL, CAUSE_SIG_SYNTAX, "unknown signature algorithm")                \
    X(DKIM_SIG_SHA1, "sig_sha1", RESULT_POLICY, CAUSE_SIG_SHA1, "rsa-sha1 is not accepted")                                \
    X(DKIM_SIG_EXPIRED, "sig_expired", RESULT_PERMERROR, CAUSE_SIG_EXPIRED, "signature expired")                           \
    X(DKIM_SIG_EXPIRES_BEFORE_SIGNED, "sig_expires_before_signed", RESULT_PERMERROR, CAUSE_SIG_EXPIRED,                    \
      "signature expires before it was made")                                                                              \
    X(DKIM_SIG_FUTURE, "sig_future", RESULT_PERMERROR, CAUSE_SIG_FUTURE, "signature made in the future")                   \
    X(DKIM_KEY_MISSING, "key_missing", RESULT_PERMERROR, CAUSE_KEY_MISSING, "no key record")                               \
    X(DKIM_KEY_REVOKED, "key_revoked", RESULT_PERMERROR, CAUSE_KEY_REVOKED, "key revoked")                                 \
    X(DKIM_KEY_SYNTAX, "key_syntax", RESULT_PERMERROR, CAUSE_KEY_SYNTAX, "key record has bad syntax")                      \
    X(DKIM_KEY_TYPE, "key_type", RESULT_PERMERROR, CAUSE_KEY_MISMATCH, "key type does not fit the algorithm")              \
    X(DKIM_KEY_HASH, "key_hash", RESULT_PERMERROR, CAUSE_KEY_HASH, "key forbids the hash algorithm")                       \
    X(DKIM_KEY_SERVICE, "key_service", RESULT_PERMERROR, CAUSE_KEY_SERVICE, "key is not for email")                        \
    X(DKIM_KEY_STRICT_IDENTITY, "key_strict_identity", RESULT_PERMERROR, CAUSE_SIG_IDENTITY,                               \
      "identity below the signing domain")                                                                                 \
    X(DKIM_KEY_TOO_SMALL, "key_too_small", RESULT_POLICY, CAUSE_KEY_TOO_SMALL, "key too small")                            \
    X(DKIM_KEY_TOO_LARGE, "key_too_large", RESULT_POLICY, CAUSE_LIMIT, "key too large")                                    \
    X(DKIM_DNS_SERVFAIL, "dns_servfail", RESULT_TEMPERROR, CAUSE_DNS_SERVFAIL, "key lookup failed")                        \
    X(DKIM_DNS_TIMEOUT, "dns_timeout", RESULT_TEMPERROR, CAUSE_DNS_TIMEOUT, "key lookup timed out")                        \
    X(DKIM_DNS_BOGUS, "dns_bogus", RESULT_TEMPERROR, CAUSE_DNS_BOGUS, "dnssec bogus")                                      \
    X(DKIM_BODY_ABSENT, "body_absent", RESULT_NEUTRAL, CAUSE_NONE, "header fields verified, body not given")                \
    X(DKIM_LIMIT, "limit", RESULT_POLICY, CAUSE_LIMIT, "too many signatures")                                              \
    X(DKIM_NO_MEMORY, "no_memory", RESULT_TEMPERROR, CAUSE_LIMIT, "out of memory")

/* The causes of tester.md 5b, as they are named in metrics. */
#define CAUSES(X)                                                                                                      \
    X(CAUSE_BODY_APPENDED, "body_appended")                                                                            \
    X(CAUSE_BODY_PREPENDED, "body_prepended")                                                                          \
    X(CAUSE_BODY_REENCODED, "body_reencoded")                                                                          \
    X(CAUSE_BODY_LINE_ENDINGS, "body_line_endings")                                                                    \
    X(CAUSE_BODY_TRUNCATED, "body_truncated")                                                                          \
    X(CAUSE_BODY_OTHER, "body_other")                                                                                  \
    X(CAUSE_HEADER_SUBJECT, "header_subject")                                                                          \
    X(CAUSE_HEADER_FROM, "header_from")                                                                                \
    X(CAUSE_HEADER_ADDED, "header_added")                                                                              \
    X(CAUSE_HEADER_OTHER, "header_other")                                                                              \
    X(CAUSE_KEY_MISSING, "key_missing")                                                                                \
    X(CAUSE_KEY_REVOKED, "key_revoked")                                                                                \
    X(CAUSE_KEY_SYNTAX, "key_syntax")                                                                                  \
    X(CAUSE_KEY_MISMATCH, "key_mismatch")                                                                              \
    X(CAUSE_KEY_TOO_SMALL, "key_too_small")                                                                            \
    X(CAUSE_KEY_SERVICE, "key_service")                                                                                \
    X(CAUSE_KEY_HASH, "key_hash")                                                                                      \
    X(CAUSE_SIG_SYNTAX, "sig_syntax")                                                                                  \
    X(CAUSE_SIG_EXPIRED, "sig_expired")                                                                                \
    X(CAUSE_SIG_FUTURE, "sig_future")                                                                                  \
    X(CAUSE_SIG_IDENTITY, "sig_identity")                                                                              \
    X(CAUSE_SIG_SHA1, "sig_sha1")                                                                                      \
    X(CAUSE_DNS_TIMEOUT, "dns_timeout")                                                                                \
    X(CAUSE_DNS_SERVFAIL, "dns_servfail")                                                                              \
    X(CAUSE_DNS_BOGUS, "dns_bogus")                                                                                    \
    X(CAUSE_LIMIT, "limit")
#define X(id, word) id,
enum cause { CAUSES(X) CAUSE_COUNT, CAUSE_NONE = CAUSE_COUNT };
#undef X
const char *cause_word(enum cause cause); /* NULL for CAUSE_NONE */

#define X(id, word, result, cause, text) id,
enum dkim_code { DKIM_CODES(X) DKIM_CODE_COUNT };
#undef X
const char *dkim_code_word(enum dkim_code code);        /* "body_hash_mismatch" */
const char *dkim_code_text(enum dkim_code code);        /* "body hash mismatch" */
enum auth_result dkim_code_result(enum dkim_code code); /* what the code leads to */
enum cause dkim_code_cause(enum dkim_code code);
bool dkim_code_wants_detail(enum dkim_code code);       /* a result's detail says more than the code's text */

/* One part of a signature, judged by itself: the body by bh=, the header section by b=. */
enum part_state { PART_UNKNOWN, PART_INTACT, PART_CHANGED };
const char *part_state_word(enum part_state state); /* "unknown", "intact", "changed" */

enum key_algorithm { KEY_ALGORITHM_UNKNOWN, KEY_RSA, KEY_ED25519 };
const char *key_algorithm_word(enum key_algorithm algorithm); /* "rsa", "ed25519", "unknown" */

struct dkim_result {
    enum auth_result result;
    enum dkim_code code;      /* the first reason; when body and header part both changed: DKIM_BODY_HASH_MISMATCH */
    size_t field_index;       /* of the DKIM-Signature field in the header section, 0 = topmost field */
    struct span domain;       /* d=, as written; empty when absent or unreadable */
    struct span domain_ascii; /* d= as lower-case A-labels; empty when it is no legal name */
    struct span selector;     /* s= */
    struct span auid;         /* i= with its quoted-printable undone; "@" d= when absent */
    struct span algorithm;    /* a=, as written */
    struct span canonicalization; /* "relaxed/simple" in full, lower case */
    struct span signature;    /* b= without white space */
    struct span detail;       /* what exactly: tag name, octet counts ...; our own words plus names already checked; may be empty */
    enum part_state body_part, header_part;
    enum key_algorithm key_algorithm; /* of the key that decided */
    unsigned key_bits;        /* 0: no key was read */
    bool has_key_fingerprint; /* p= of that key was readable */
    uint8_t key_fingerprint[DIGEST_OCTETS]; /* SHA-256 of its octets */
    bool has_key_answer;      /* a key lookup ended, whatever it brought */
    enum dnssec_state dnssec; /* of that lookup */
    struct span cname[DNS_CNAME_MAX]; /* the hops of that lookup */
    size_t cname_count;
    unsigned records_tried;   /* key records at the selector that were looked at */
    bool aligned;             /* d= fits the only From address's domain (relaxed: one lies at or below the other) */
    bool testing;             /* key has t=y */
    bool weak;                /* RSA 1024..2047 */
    bool has_unsigned_octets; /* l= left this many canonical octets out */
    uint64_t unsigned_octets;
    uint64_t body_octets;     /* length of the canonical body, when body_part is known */
    bool has_timestamp, has_expiration;
    int64_t timestamp_s, expiration_s; /* t=, x= */
};

/* ---- ARC (RFC 8617 section 5.2) ---- */

/* id, word, result, short text for the comment */
#define ARC_CODES(X)                                                                                                   \
    X(ARC_NO_SETS, "no_sets", RESULT_NONE, "no ARC sets")                                                              \
    X(ARC_OK, "ok", RESULT_PASS, "chain verified")                                                                     \
    X(ARC_TOO_MANY_SETS, "too_many_sets", RESULT_FAIL, "more than 50 sets")                                            \
    X(ARC_STRUCTURE, "structure", RESULT_FAIL, "sets are not complete or not in order")                                \
    X(ARC_CV, "cv", RESULT_FAIL, "a seal says that the chain was broken before")                                       \
    X(ARC_FIELD_SYNTAX, "field_syntax", RESULT_FAIL, "an ARC field has bad syntax")                                    \
    X(ARC_MESSAGE_SIGNATURE, "message_signature", RESULT_FAIL, "newest message signature does not verify")             \
    X(ARC_SEAL, "seal", RESULT_FAIL, "a seal does not verify")                                                         \
    X(ARC_KEY, "key", RESULT_FAIL, "a key is missing or unusable")                                                     \
    X(ARC_DNS, "dns", RESULT_TEMPERROR, "a key lookup failed")                                                         \
    X(ARC_LIMIT, "limit", RESULT_FAIL, "more keys than the limit")                                                     \
    X(ARC_NO_MEMORY, "no_memory", RESULT_TEMPERROR, "out of memory")
#define X(id, word, result, text) id,
enum arc_code { ARC_CODES(X) ARC_CODE_COUNT };
#undef X
const char *arc_code_word(enum arc_code code);
const char *arc_code_text(enum arc_code code);
enum auth_result arc_code_result(enum arc_code code);

struct arc_result {
    bool is_evaluated;
    enum auth_result result; /* none, pass, fail (a failed lookup: fail too, RFC 8617 section 5.2.1; the code tells) */
    enum arc_code code;
    unsigned sets;           /* instances seen; 0: no ARC fields */
    unsigned failed_set;     /* instance that decided a fail, 0 when none did */
    bool has_oldest_pass;
    unsigned oldest_pass;    /* RFC 8617 section 5.2: lowest instance from which on every AMS verifies; 0: all */
    bool was_failed;         /* the newest seal itself says cv=fail: such a chain is not extended */
    struct span sealer;      /* d= of the newest seal, lower-case A-labels */
    bool is_trusted;         /* pass, and the sealer is on the list of trusted ones */
    enum dnssec_state dnssec; /* of the newest seal's key; valid when has_key_answer */
    bool has_key_answer;
};

/* ---- SPF (RFC 7208) ---- */

enum spf_scope { SPF_HELO, SPF_MAIL_FROM, SPF_SCOPE_COUNT };
const char *spf_scope_word(enum spf_scope scope); /* "helo", "mfrom": RFC 7208 section 9.1 words of Received-SPF's identity */

#define SPF_CODES(X)                                                                                                   \
    X(SPF_MATCHED, "matched", "a mechanism matched")                                                                   \
    X(SPF_NO_MATCH, "no_match", "no mechanism matched")                                                                \
    X(SPF_NO_RECORD, "no_record", "no SPF record")                                                                     \
    X(SPF_NO_DOMAIN, "no_domain", "no domain to check")                                                                \
    X(SPF_SEVERAL_RECORDS, "several_records", "several SPF records")                                                   \
    X(SPF_SYNTAX, "syntax", "SPF record has bad syntax")                                                               \
    X(SPF_MACRO, "macro", "SPF macro cannot be expanded")                                                              \
    X(SPF_INCLUDE_NONE, "include_none", "included domain has no SPF record")                                           \
    X(SPF_REDIRECT_NONE, "redirect_none", "redirect target has no SPF record")                                         \
    X(SPF_TOO_MANY_LOOKUPS, "too_many_lookups", "more than 10 terms with DNS lookups")                                 \
    X(SPF_TOO_MANY_VOID, "too_many_void", "more than 2 void lookups")                                                  \
    X(SPF_TOO_MANY_MX, "too_many_mx", "more than 10 MX records")                                                       \
    X(SPF_DNS_SERVFAIL, "dns_servfail", "DNS lookup failed")                                                           \
    X(SPF_DNS_TIMEOUT, "dns_timeout", "DNS lookup timed out")                                                          \
    X(SPF_DNS_BOGUS, "dns_bogus", "dnssec bogus")                                                                      \
    X(SPF_LIMIT, "limit", "evaluation is over a limit")                                                                \
    X(SPF_NO_MEMORY, "no_memory", "out of memory")
#define X(id, word, text) id,
enum spf_code { SPF_CODES(X) SPF_CODE_COUNT };
#undef X
const char *spf_code_word(enum spf_code code);
const char *spf_code_text(enum spf_code code);

struct spf_result {
    bool is_evaluated;
    enum spf_scope scope;
    enum auth_result result;  /* none neutral pass fail softfail temperror permerror */
    enum spf_code code;
    struct span identity;     /* what was checked as it came: HELO name, or local-part@domain (postmaster@ put in front) */
    struct span domain;       /* the domain checked, lower-case A-labels; empty when it is no legal name */
    struct span mechanism;    /* the directive that decided, as it stands in the record; empty when none did */
    struct span detail;       /* of syntax: what is wrong, and the term when it is printable; of include_none and
                                 redirect_none: the name that has no record; else empty */
    struct span explanation;  /* exp= expanded, only for fail and only when asked for; empty: the receiver's own words */
    unsigned lookups, void_lookups;
    enum dnssec_state dnssec; /* of the first record */
};

/* ---- DMARC (RFC 9989) ---- */

enum dmarc_policy { DMARC_POLICY_ABSENT, DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT };
const char *dmarc_policy_word(enum dmarc_policy policy); /* "none" ...; NULL for ABSENT */

#define DMARC_CODES(X)                                                                                                 \
    X(DMARC_ALIGNED, "aligned", RESULT_PASS, "an aligned identifier passed")                                           \
    X(DMARC_NOT_ALIGNED, "not_aligned", RESULT_FAIL, "no aligned identifier passed")                                   \
    X(DMARC_NO_RECORD, "no_record", RESULT_NONE, "no DMARC record")                                                    \
    X(DMARC_SEVERAL_RECORDS, "several_records", RESULT_NONE, "several DMARC records")                                  \
    X(DMARC_NO_AUTHOR, "no_author", RESULT_PERMERROR, "no usable author domain")                                       \
    X(DMARC_SEVERAL_AUTHORS, "several_authors", RESULT_PERMERROR, "several author addresses")                          \
    X(DMARC_SYNTAX, "syntax", RESULT_PERMERROR, "DMARC record has bad syntax")                                         \
    X(DMARC_UNDECIDED, "undecided", RESULT_TEMPERROR, "an aligned identifier had a temporary error")                   \
    X(DMARC_DNS_SERVFAIL, "dns_servfail", RESULT_TEMPERROR, "DNS lookup failed")                                       \
    X(DMARC_DNS_TIMEOUT, "dns_timeout", RESULT_TEMPERROR, "DNS lookup timed out")                                      \
    X(DMARC_DNS_BOGUS, "dns_bogus", RESULT_TEMPERROR, "dnssec bogus")                                                  \
    X(DMARC_NO_MEMORY, "no_memory", RESULT_TEMPERROR, "out of memory")
#define X(id, word, result, text) id,
enum dmarc_code { DMARC_CODES(X) DMARC_CODE_COUNT };
#undef X
const char *dmarc_code_word(enum dmarc_code code);
const char *dmarc_code_text(enum dmarc_code code);
enum auth_result dmarc_code_result(enum dmarc_code code);

struct dmarc_result {
    bool is_evaluated;
    enum auth_result result;
    enum dmarc_code code;
    struct span domain;                /* author domain, lower-case A-labels */
    struct span organizational_domain; /* by tree walk; empty without a record */
    struct span policy_domain;         /* where the record that applies was found */
    enum dmarc_policy policy;          /* the policy that applies: p=, sp= or np= as the domain demands */
    enum dmarc_policy disposition;     /* what the policy asks for this message: none on pass, with t=y one step milder */
    bool testing;                      /* t=y */
    bool dkim_aligned, spf_aligned;    /* an identifier that passed is aligned */
    bool strict_dkim, strict_spf;      /* adkim=s, aspf=s */
    enum dnssec_state dnssec;          /* of the record that applies */
};

/* ---- iprev (RFC 8601 section 3) ---- */

struct iprev_result {
    bool is_evaluated;
    enum auth_result result; /* pass fail temperror permerror */
    struct span address;     /* text form */
    struct span name;        /* on pass: the name that leads back to the address */
};

struct message_result {
    size_t dkim_count;              /* 0 when there is no signature: then report one dkim=none */
    const struct dkim_result *dkim; /* in order of the fields, topmost first */
    struct span from_domain;        /* lower-case A-label of the only From address; empty when there is none or several */
    size_t from_fields, from_addresses; /* 1 and 1 in a sane message */
    uint64_t size;                  /* octets of the message */
    unsigned key_lookups;           /* distinct key names asked for */
    struct arc_result arc;
    struct spf_result spf[SPF_SCOPE_COUNT]; /* by scope; those not evaluated say so */
    struct dmarc_result dmarc;
    struct iprev_result iprev;
};
