/* proxy/smtp_capabilities.h -- what a server offers in its reply to EHLO or LHLO (RFC 5321 section 4.1.1.1).
 * Pure: no allocation, I/O, clock or lock. Keywords in any letter case; unknown ones are no matter; "SIZE=100", as old
 * servers wrote it, is understood. Limits: what smtp_reply keeps. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "proxy/smtp_reply.h"

struct smtp_capabilities { /* zeroed: a server that answered to HELO only */
    bool size;                 /* RFC 1870: the SIZE parameter may be sent */
    bool has_size_limit;
    uint64_t size_limit;       /* octets; SIZE 0 means no limit */
    bool eight_bit_mime;       /* RFC 6152 */
    bool smtputf8;             /* RFC 6531 */
    bool pipelining;           /* RFC 2920 */
    bool dsn;                  /* RFC 3461 */
    bool enhanced_status_codes;/* RFC 2034 */
    bool starttls;             /* RFC 3207 */
    bool chunking;             /* RFC 3030 */
    bool auth;                 /* RFC 4954: the AUTH parameter of MAIL may be sent */
    unsigned xforward, xclient; /* bit sets of enum xforward_attribute */
    bool has_rcpt_max, has_mail_max; /* RFC 9422 LIMITS */
    uint64_t rcpt_max, mail_max;
};

/* Reads a complete 250 reply; its first line is the greeting and says nothing. */
void smtp_capabilities_read(const struct smtp_reply *reply, struct smtp_capabilities *out);
