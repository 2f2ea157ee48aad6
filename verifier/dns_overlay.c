#include "verifier/dns_overlay.h"
#include "verifier/dns_zone.h"

static enum dns_progress lookup(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                                struct dns_answer *answer) {
    struct dns_overlay *overlay = (struct dns_overlay *)(void *)source;
    bool is_ours = dns_zone_holds(overlay->zone, name);
    return dns_lookup(is_ours ? dns_zone_source(overlay->zone) : overlay->behind, name, type, query, answer);
}

/* Zone files leave nothing pending: it can only be the other's. */
static void cancel(struct dns_source *source, struct dns_query *query) {
    struct dns_overlay *overlay = (struct dns_overlay *)(void *)source;
    dns_cancel(overlay->behind, query);
}

void dns_overlay_init(struct dns_overlay *overlay, struct dns_zone *zone, struct dns_source *behind) {
    *overlay = (struct dns_overlay){.source = {lookup, cancel}, .zone = zone, .behind = behind};
}
