#include "verifier/dns_quota.h"
#include <stdbool.h>
#include <stddef.h>
#include "base/list.h"

/* The answer in a resolver's stead; true: it was one too many. */
static bool is_refused(struct dns_quota *quota, struct dns_answer *answer) {
    if (quota->left > 0) {
        quota->left--;
        return false;
    }
    *answer = (struct dns_answer){.status = DNS_SERVFAIL};
    return true;
}

static enum dns_progress lookup(struct dns_source *source, struct span name, enum dns_type type,
                                struct dns_query *query, struct dns_answer *answer) {
    struct dns_quota *quota = LIST_ENTRY(source, struct dns_quota, dns);
    return is_refused(quota, answer) ? DNS_ANSWERED : dns_lookup(quota->inner_dns, name, type, query, answer);
}

static void cancel(struct dns_source *source, struct dns_query *query) {
    dns_cancel(LIST_ENTRY(source, struct dns_quota, dns)->inner_dns, query);
}

static enum key_progress get_key(struct key_source *source, struct span name, struct key_request *request,
                                 struct key_entry **entry) {
    struct dns_quota *quota = LIST_ENTRY(source, struct dns_quota, keys);
    struct dns_answer answer;
    if (!is_refused(quota, &answer)) return key_source_get(quota->inner_keys, name, request, entry);
    *entry = key_entry_create(&answer, 0);
    return KEY_READY;
}

static void cancel_key(struct key_source *source, struct key_request *request) {
    key_source_cancel(LIST_ENTRY(source, struct dns_quota, keys)->inner_keys, request);
}

void dns_quota_init(struct dns_quota *quota, struct key_source *keys, struct dns_source *dns) {
    *quota = (struct dns_quota){
        .keys = {get_key, cancel_key}, .dns = {lookup, cancel}, .inner_keys = keys, .inner_dns = dns};
}

void dns_quota_begin(struct dns_quota *quota, unsigned most) { quota->left = most; }
