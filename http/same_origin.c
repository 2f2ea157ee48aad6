#include "http/same_origin.h"

/* What stands behind "http://" or "https://"; empty: neither. */
static struct span authority_of(struct span origin) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i]);
        if (origin.len > len && span_equal_nocase(span_first(origin, len), span_of(schemes[i]))) return span_after(origin, len);
    }
    return (struct span){NULL, 0};
}

bool same_origin_allows(struct span sec_fetch_site, struct span origin, struct span host) {
    if (sec_fetch_site.len > 0) return span_is(sec_fetch_site, "same-origin") || span_is(sec_fetch_site, "none");
    if (origin.len == 0) return true;
    struct span authority = authority_of(origin); /* "null" has none */
    return authority.len > 0 && span_equal_nocase(authority, host);
}
