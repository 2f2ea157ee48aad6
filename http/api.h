/* http/api.h -- the JSON of /api/v1/: what it says, without HTTP around it. Within v1 only additions are made.
 * Allocates into the caller's buffer; reads its sources as their headers say, from any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/bytes.h"
#include "http/domain_stats.h"
#include "http/exposition.h"

enum { API_DOMAINS_LIMIT_DEFAULT = 100, API_DOMAINS_LIMIT_MAX = 1000 };

/* {"tracked","evicted","sort","total":{"messages","pass","fail","other"},"domains":[{"domain","messages","pass","fail",
 * "other"}],"rest":{...}}: the limit busiest domains, those first; rest is all that is not in domains, total is all.
 * messages counts signatures: pass, fail and other together. False: no memory. */
bool api_write_domains(struct domain_stats *domains, enum domain_order order, size_t limit, struct bytes *out);
/* {"name":"sceau","version","revision","openssl","unbound"}: null where it is not known. */
bool api_write_version(const struct build_info *build, struct bytes *out);
/* RFC 9457: {"type":"about:blank","title","status","detail"}. */
bool api_write_problem(unsigned status, const char *title, const char *detail, struct bytes *out);
