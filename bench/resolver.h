/* bench/resolver.h -- what stands behind the verifier's questions in the daemon, to measure with: libunbound on stub zones, the
 * memory of failures and the resolver's thread; the asker has its end of the way on a loop of its own.
 * Ends the program with a sentence when something cannot be made. Thread rule: the asker's thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "verifier/dns.h"

struct loop;
struct resolver;

enum { RESOLVER_IN_FLIGHT = 64 }; /* of one domain, too: more than the daemon asks of one that is not its own */

/* stub: "ZONE=ADDR@PORT"; trust_anchor: a file, or "none". Nothing is cached yet. */
struct resolver *resolver_create(const char *const *stub, size_t stub_count, const char *trust_anchor);
void resolver_destroy(struct resolver *resolver);
struct loop *resolver_loop(struct resolver *resolver);      /* the asker's, who runs it */
struct dns_source *resolver_dns(struct resolver *resolver); /* the asker's end */

/* Questions that libunbound was asked so far, and those among them that it answered at once, from its cache. Whatever was
 * answered is counted. */
struct resolver_counts { uint64_t questions, at_once; };
struct resolver_counts resolver_counts(const struct resolver *resolver);
