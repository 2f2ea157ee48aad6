#include "http/counted_lookups.h"
#include <stddef.h>

static bool may_ask(struct counted_lookups *lookups) {
    if (lookups->asked == lookups->most) return false;
    lookups->asked++;
    return true;
}

static enum dns_progress look_up(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                                 struct dns_answer *answer) {
    struct counted_lookups *lookups = (struct counted_lookups *)(void *)source;
    if (may_ask(lookups)) return dns_lookup(lookups->dns_behind, name, type, query, answer);
    *answer = (struct dns_answer){.status = DNS_SERVFAIL};
    return DNS_ANSWERED;
}

static void cancel_lookup(struct dns_source *source, struct dns_query *query) {
    dns_cancel(((struct counted_lookups *)(void *)source)->dns_behind, query);
}

static struct counted_lookups *of_keys(struct key_source *source) {
    return (struct counted_lookups *)(void *)((char *)source - offsetof(struct counted_lookups, keys));
}

static enum key_progress get_key(struct key_source *source, struct span name, struct key_request *request, struct key_entry **entry) {
    struct counted_lookups *lookups = of_keys(source);
    if (may_ask(lookups)) return key_source_get(lookups->keys_behind, name, request, entry);
    const struct dns_answer refused = {.status = DNS_SERVFAIL};
    *entry = key_entry_create(&refused, clock_unix_s(lookups->clock));
    return KEY_READY;
}

static void cancel_key(struct key_source *source, struct key_request *request) {
    key_source_cancel(of_keys(source)->keys_behind, request);
}

void counted_lookups_init(struct counted_lookups *lookups, struct dns_source *dns, struct key_source *keys,
                          const struct clock *clock, unsigned most) {
    *lookups = (struct counted_lookups){.dns = {look_up, cancel_lookup}, .keys = {get_key, cancel_key}, .dns_behind = dns,
                                        .keys_behind = keys, .clock = clock, .most = most};
}
