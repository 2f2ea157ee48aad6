/* http/counted_lookups.h -- a dns_source and a key_source that pass questions on to others and count them, up to a limit:
 * so that whoever has something looked up can be held to a share, and no single message becomes a probe. Beyond the limit
 * every answer is DNS_SERVFAIL, at once. Thread rule: that of the sources behind. */
#pragma once
#include "base/clock.h"
#include "verifier/dns.h"
#include "verifier/key_source.h"

struct counted_lookups {
    struct dns_source dns; /* first */
    struct key_source keys;
    struct dns_source *dns_behind;
    struct key_source *keys_behind;
    const struct clock *clock;
    unsigned asked, most;
};

/* Sources and clock are borrowed as long as it is used. */
void counted_lookups_init(struct counted_lookups *lookups, struct dns_source *dns, struct key_source *keys,
                          const struct clock *clock, unsigned most);
