/* verifier/dns_memory.h -- a source in front of another that remembers what failed: SERVFAIL and time-outs for 10 s, bogus
 * answers for 60 s. libunbound asks again each time, and a name that nobody answers for costs every message its whole wait.
 * What was found or proved absent is not kept: libunbound does that. A question whose asker has left goes on, so that its
 * failure is known to the next one.
 * Thread rule: that of the source behind. Limits: 1 MiB of names, forgotten by age and by disuse. */
#pragma once
#include "verifier/dns.h"

struct clock;
struct dns_memory;

/* behind and clock are borrowed until destroy. NULL: no memory. */
struct dns_memory *dns_memory_create(struct dns_source *behind, const struct clock *clock);
/* Cancels what is under way. Accepts NULL. */
void dns_memory_destroy(struct dns_memory *memory);
struct dns_source *dns_memory_source(struct dns_memory *memory);
