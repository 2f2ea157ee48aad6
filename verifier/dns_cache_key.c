#include "verifier/dns_cache_key.h"
#include "base/ascii.h"

bool dns_cache_key_make(struct dns_cache_key *key, struct span name, enum dns_type type) {
    if (name.len > DNS_CACHE_NAME_MAX) return false;
    key->len = 2 + name.len;
    key->octets[0] = (char)((unsigned)type >> 8);
    key->octets[1] = (char)((unsigned)type & 0xff);
    for (size_t i = 0; i < name.len; i++) key->octets[2 + i] = ascii_lower(name.ptr[i]);
    return true;
}
