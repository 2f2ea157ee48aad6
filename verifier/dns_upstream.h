/* verifier/dns_upstream.h -- read where queries go: "ADDR@PORT", and "ZONE=ADDR@PORT" for one zone.
 * Addresses are IPv4 or IPv6 numbers; without "@PORT" it is port 53. Pure but for the error's memory. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "verifier/dns_name.h"

struct dns_upstream {
    struct dns_name zone; /* the root for a forwarder */
    char address[64];     /* "192.0.2.1@5353": as libunbound reads it */
    bool is_loopback;     /* 127.0.0.0/8 or ::1 */
};

/* False: *error is one sentence, which the caller frees; NULL when there is no memory even for that. */
bool dns_upstream_read_forward(const char *text, struct dns_upstream *out, char **error);
bool dns_upstream_read_stub(const char *text, struct dns_upstream *out, char **error);
