/* verifier/dns_overlay.h -- zone files in front of another source: names at or below a zone that the files hold (one with
 * an SOA record) are answered from them, all others by the source behind.
 * A CNAME chain stays where it began: a target outside the files is not followed.
 * Thread rule: that of the two sources, which are borrowed. */
#pragma once
#include "verifier/dns.h"

struct dns_zone;

struct dns_overlay {
    struct dns_source source; /* first */
    struct dns_zone *zone;
    struct dns_source *behind;
};

void dns_overlay_init(struct dns_overlay *overlay, struct dns_zone *zone, struct dns_source *behind);
