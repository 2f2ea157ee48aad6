/* verifier/domain_policy.h -- what a domain publishes about its mail beside DKIM keys, for its owner: the SPF record
 * (RFC 7208) and the DMARC record that applies, found by the tree walk of RFC 9989 section 4.10, with what is to be
 * said about them. domain_policy_lookup fills it; here it is written as JSON. Never a verdict on mail. Pure data,
 * borrowed from whoever filled it; records hold octets from outside. Limits: DOMAIN_POLICY_TEXTS_MAX records of a name
 * are kept, count tells how many there were; other TXT records of the domain are nobody's business and are not kept at
 * all. */
#pragma once
#include "verifier/dmarc_tree.h"
#include "verifier/finding.h"

enum { DOMAIN_POLICY_TEXTS_MAX = 4 };

#define DOMAIN_POLICY_STATES(X)                                                                                        \
    X(DOMAIN_POLICY_NONE, "none")           /* no record */                                                            \
    X(DOMAIN_POLICY_VALID, "valid")         /* one, and it can be read */                                              \
    X(DOMAIN_POLICY_SEVERAL, "several")     /* more than one at a name: none of them counts */                         \
    X(DOMAIN_POLICY_MALFORMED, "malformed") /* one that breaks the grammar, or without a policy */                     \
    X(DOMAIN_POLICY_UNKNOWN, "temperror")   /* DNS failed */
#define X(id, word) id,
enum domain_policy_state { DOMAIN_POLICY_STATES(X) DOMAIN_POLICY_STATE_COUNT };
#undef X
const char *domain_policy_state_word(enum domain_policy_state state);

/* The records of one kind at one name. */
struct domain_policy_place {
    struct span name;
    enum dns_status status;
    enum dnssec_state dnssec;
    struct span reason; /* of DNS_BOGUS; may be empty */
    uint32_t ttl_s;
    size_t cname_count;
    struct span cname[DNS_CNAME_MAX];
    uint32_t cname_ttl_s[DNS_CNAME_MAX];
    size_t count;
    struct span text[DOMAIN_POLICY_TEXTS_MAX];
};

struct domain_policy {
    enum domain_policy_state spf_state, dmarc_state;
    struct domain_policy_place spf;
    size_t asked; /* names that were asked for a DMARC record, the domain's own first */
    struct domain_policy_place dmarc[DMARC_WALK_STEPS_MAX];
    bool has_record; /* what follows: the record that applies stands at dmarc[found_at] */
    size_t found_at;
    struct span policy_domain; /* that name without _dmarc. */
    bool is_inherited;         /* it is not the domain's own */
    struct span record_text;
    struct dmarc_record record;
    enum dmarc_policy applied; /* to mail of the domain; DMARC_POLICY_ABSENT: the record has none */
    struct span organization;  /* the organizational domain; empty: DNS failed */
    struct finding_list spf_findings, dmarc_findings;
};

/* How sp= and np= take effect, what they inherit included. */
enum dmarc_policy domain_policy_below(const struct dmarc_record *record, bool exists);
/* Writes "spf" and "dmarc" into the object that is open. */
void domain_policy_write_json(struct json *json, const struct domain_policy *policy);
