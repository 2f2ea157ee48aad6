/* verifier/dns_quota.h -- how many questions one message may ask of the DNS, by whatever check: DKIM and ARC keys, SPF,
 * DMARC, iprev. Stands between the checks and their sources and hands questions on as they are; one too many is
 * answered at once as if the DNS had failed (DNS_SERVFAIL), so that it ends in a temperror and not in a verdict. A
 * question that a cache answers counts as well: what a message may ask for does not depend on what others asked before.
 * Thread rule: that of its sources. No allocation but the answer to a key too many. */
#pragma once
#include "verifier/dns.h"
#include "verifier/key_source.h"

struct dns_quota {
    struct key_source keys; /* for the checks */
    struct dns_source dns;
    struct key_source *inner_keys;
    struct dns_source *inner_dns;
    unsigned left;
};

/* The sources are borrowed as long as quota is in use; dns may be NULL when nobody asks it. */
void dns_quota_init(struct dns_quota *quota, struct key_source *keys, struct dns_source *dns);
/* The next message may ask so often. */
void dns_quota_begin(struct dns_quota *quota, unsigned most);
