/* verifier/dns_cache_key.h -- what names a question in a memory of answers: its type, then its name in lower case.
 * Pure. Limits: names of DNS_CACHE_NAME_MAX octets; one in text with every octet escaped is shorter. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "verifier/dns.h"

enum { DNS_CACHE_NAME_MAX = 1024 };

struct dns_cache_key {
    size_t len;
    char octets[2 + DNS_CACHE_NAME_MAX];
};

/* False: the name is too long to be one, so it does not exist. */
bool dns_cache_key_make(struct dns_cache_key *key, struct span name, enum dns_type type);
static inline struct span dns_cache_key_span(const struct dns_cache_key *key) { return (struct span){key->octets, key->len}; }
