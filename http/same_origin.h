/* http/same_origin.h -- may this request change anything? (security.md R-27) A browser says where a request comes from, in
 * Sec-Fetch-Site (Fetch Metadata) or Origin (RFC 6454): those of other pages are refused. Programs that say neither are no
 * browsers, and have no user who could be tricked. Pure. */
#pragma once
#include <stdbool.h>
#include "base/span.h"

/* The values of these header fields; empty: not there. */
bool same_origin_allows(struct span sec_fetch_site, struct span origin, struct span host);
