/* verifier/spf_check.h -- check_host() for one identity, asynchronously (RFC 7208 section 4).
 * A state machine over a dns_source: records are parsed whole before anything is matched; include and redirect are a
 * bounded stack, never recursion. Asks only the DNS; what fails is a result, never an error of ours.
 * The rule of every request: the outcome comes by return value or, later, by done; never by done from inside a call,
 * never after expire, the next begin or destroy. Thread rule: that of its dns_source. Made once, used for many
 * messages. Limits (section 4.6.4): 10 terms with lookups, to which the first %{p} counts as one, 2 terms whose lookups
 * find nothing, 10 MX names (more: permerror), 10 PTR names (the others are ignored); record 16 KiB of text, HELO and
 * MAIL FROM 4 KiB each, explanation 1 KiB. Finding the explanation counts to none of them: its cost is one TXT lookup
 * and, with %{p}, the client's names. The whole evaluation is ended by its owner's clock (20 s) with spf_check_expire.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "verifier/dns.h"
#include "verifier/result.h"

struct clock;
struct spf_check;

struct spf_question {
    enum spf_scope scope;
    uint8_t address[16]; /* of the client; 4 octets when is_v4; a v4-mapped v6 address is taken as v4 */
    bool is_v4;
    struct span helo;       /* HELO/EHLO name as it came */
    struct span mail_from;  /* reverse-path without <>, empty for the null sender (then postmaster@HELO is checked) */
    struct span receiver;   /* our name, for the r macro */
    bool wants_explanation; /* exp= is fetched and expanded on fail */
};

enum spf_progress { SPF_DONE, SPF_PENDING };

/* dns and clock are borrowed until destroy. NULL: no memory. */
struct spf_check *spf_check_create(struct dns_source *dns, const struct clock *clock);
void spf_check_destroy(struct spf_check *check); /* cancels; accepts NULL */
/* Starts; forgets the check before. question is copied. SPF_DONE: the result is there. SPF_PENDING: done will be
 * called. */
enum spf_progress spf_check_begin(struct spf_check *check, const struct spf_question *question,
                                  void (*done)(void *owner), void *owner);
/* Time is up: temperror, dns_timeout, at once; a fail that only waits for its explanation stays, without it. No effect
 * on one that is done. */
void spf_check_expire(struct spf_check *check);
/* Valid once done until the next begin or destroy; spans live in the check. is_evaluated is true. */
const struct spf_result *spf_check_result(const struct spf_check *check);
