#include "verifier/dns_special_zones.h"
#include <stdio.h>

/* Names, or runs of names that differ in one number (from..to). */
static const struct row {
    const char *format;
    unsigned from, to;
} rows[] = {
    {"localhost", 0, 0}, /* RFC 6761 */
    {"test", 0, 0},
    {"invalid", 0, 0},
    {"onion", 0, 0},           /* RFC 7686 */
    {"home.arpa", 0, 0},       /* RFC 8375 */
    {"0.in-addr.arpa", 0, 0},  /* RFC 6303 section 4.2 */
    {"10.in-addr.arpa", 0, 0}, /* RFC 6303 section 4.1 */
    {"127.in-addr.arpa", 0, 0},
    {"254.169.in-addr.arpa", 0, 0},
    {"168.192.in-addr.arpa", 0, 0},
    {"%u.172.in-addr.arpa", 16, 31},
    {"2.0.192.in-addr.arpa", 0, 0},
    {"100.51.198.in-addr.arpa", 0, 0},
    {"113.0.203.in-addr.arpa", 0, 0},
    {"255.255.255.255.in-addr.arpa", 0, 0},
    {"%u.100.in-addr.arpa", 64, 127},                                                   /* RFC 7793 */
    {"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", 0, 0}, /* RFC 6303 section 4.3 */
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", 0, 0},
    {"d.f.ip6.arpa", 0, 0}, /* sections 4.4 to 4.6 */
    {"8.e.f.ip6.arpa", 0, 0},
    {"9.e.f.ip6.arpa", 0, 0},
    {"a.e.f.ip6.arpa", 0, 0},
    {"b.e.f.ip6.arpa", 0, 0},
    {"8.b.d.0.1.0.0.2.ip6.arpa", 0, 0},
};

bool dns_special_zone(size_t index, struct dns_name *out) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t names = rows[i].to - rows[i].from + 1;
        if (index < names) {
            char text[128];
            snprintf(text, sizeof text, rows[i].format, rows[i].from + (unsigned)index);
            return dns_name_from_text(span_of(text), NULL, out);
        }
        index -= names;
    }
    return false;
}

static bool is_within(const struct dns_name *name, const struct dns_name *ancestor) {
    for (size_t at = 0;; at += 1u + name->wire[at]) {
        if (name->len - at == ancestor->len) return memcmp(name->wire + at, ancestor->wire, ancestor->len) == 0;
        if (name->wire[at] == 0) return false;
    }
}

bool dns_special_zone_touches(const struct dns_name *special, const struct dns_name *zone) {
    return is_within(special, zone) || is_within(zone, special);
}
