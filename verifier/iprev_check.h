/* verifier/iprev_check.h -- does the client's address have a name that leads back to it? (RFC 8601 section 3)
 * PTR, then A or AAAA of at most 5 names. Asynchronous as spf_check; the same rules. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "verifier/dns.h"
#include "verifier/result.h"

struct iprev_check;
enum iprev_progress { IPREV_DONE, IPREV_PENDING };

struct iprev_check *iprev_check_create(struct dns_source *dns); /* NULL: no memory */
void iprev_check_destroy(struct iprev_check *check);            /* cancels; accepts NULL */
/* address: 4 octets (is_v4) or 16; copied. */
enum iprev_progress iprev_check_begin(struct iprev_check *check, const uint8_t *address, bool is_v4, void (*done)(void *owner),
                                      void *owner);
void iprev_check_expire(struct iprev_check *check); /* temperror at once */
const struct iprev_result *iprev_check_result(const struct iprev_check *check);
