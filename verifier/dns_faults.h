/* verifier/dns_faults.h -- read a file of DNS faults: a JSON object (RFC 8259) of {"name TYPE": "servfail|timeout"}.
 * Strict: nothing but such an object, no comments, no other values. Pure; no I/O or allocation but for the error.
 * Limits: 64 KiB of one key. */
#pragma once
#include <stdbool.h>
#include "base/span.h"
#include "verifier/dns.h"
#include "verifier/dns_name.h"

struct dns_fault {
    struct dns_name name;
    uint16_t type;          /* as dns_zone_text_type tells it */
    enum dns_status status; /* DNS_SERVFAIL or DNS_TIMEOUT */
};

/* Reads text, naming it file in errors, and hands each fault to add, which returns false when it has no memory.
 * Returns true when all was read. Else *error is one sentence "FILE:LINE: what", which the caller frees, NULL when
 * there is no memory even for that. */
bool dns_faults_read(struct span text, const char *file, bool (*add)(void *owner, const struct dns_fault *fault),
                     void *owner, char **error);
