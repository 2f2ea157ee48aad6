/* verifier/dns_zone.h -- DNS answers from zone files, without a network (RFC 1034 section 4.3.2, RFC 4592).
 * All files together are one name space: a name exists when a record stands at it or below it, so an empty non-terminal
 * is DNS_NODATA and any other name DNS_NXDOMAIN; wildcards stand in for names that do not exist; CNAME chains are
 * followed from file to file; delegations are not. Faults go before records of the same name and type.
 * Every answer comes by return value, a DNS_TIMEOUT too: there is nothing to wait for. Zone files cannot be validated,
 * so the DNSSEC state is indeterminate.
 * Thread rule: one thread. Cost: a few binary searches a lookup. Limits: 64 MiB a file, 256 MiB of records. */
#pragma once
#include <stdbool.h>
#include "base/span.h"
#include "verifier/dns.h"

struct dns_zone;

struct dns_zone *dns_zone_create(void);       /* NULL: no memory */
void dns_zone_destroy(struct dns_zone *zone); /* accepts NULL */

/* Adds the records of a master file (dns_zone_text.h says what is read). False: *error is one sentence
 * "FILE:LINE: what" or "FILE: what", which the caller frees (NULL when there is no memory even for that); records that
 * stood before the error stay. */
bool dns_zone_add_file(struct dns_zone *zone, const char *path, char **error);
/* The same for a text in memory; name stands for the file in errors. */
bool dns_zone_add_text(struct dns_zone *zone, const char *name, struct span text, char **error);
/* Adds faults: a JSON object {"name TYPE": "servfail|timeout"} (dns_faults.h). Errors as above. */
bool dns_zone_add_faults_file(struct dns_zone *zone, const char *path, char **error);
bool dns_zone_add_faults_text(struct dns_zone *zone, const char *name, struct span text, char **error);

/* Does a zone of these files (its SOA record says where it begins) hold name? */
bool dns_zone_holds(struct dns_zone *zone, struct span name);
/* The zone as a source, which lives as long as the zone. A text that is no legal name is DNS_NXDOMAIN. */
struct dns_source *dns_zone_source(struct dns_zone *zone);
