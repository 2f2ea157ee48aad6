/* verifier/authentication.h -- everything there is to say about one message: DKIM, ARC, SPF, DMARC and iprev together.
 * Puts the single checks on one way and lets their lookups overlap: SPF and iprev leave with the envelope, keys and DMARC
 * walks at the end of the header section; DMARC's verdict falls last. No I/O and no clock of its own.
 * The rule of every request: done is called once, when the last verdict falls after authentication_end has returned
 * VERIFIER_MORE; never from inside a call of this module, never after expire, begin or destroy.
 * Thread rule: that of its sources. Made once, used for many messages. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "verifier/message_verifier.h"

struct authentication;

struct authentication_setup {
    const struct verifier_policy *policy;
    struct key_source *keys;
    struct dns_source *dns;     /* for SPF, DMARC and iprev; NULL: these are not evaluated */
    const struct clock *clock;
    struct span receiver;       /* our name, for SPF's r macro */
};

/* What an envelope may leave out. */
enum { AUTHENTICATION_NO_SPF = 1, AUTHENTICATION_NO_IPREV = 2, AUTHENTICATION_NO_DMARC = 4 };

/* The client and what it said; spans are copied. */
struct authentication_envelope {
    bool has_address;           /* false: SPF and iprev are not evaluated */
    uint8_t address[16];        /* 4 octets when is_v4 */
    bool is_v4;
    struct span helo, mail_from; /* as they came, without <>; mail_from empty: the null sender */
    unsigned left_out;          /* bits of AUTHENTICATION_NO_SPF ...: not evaluated */
};

/* setup and what it points to are borrowed until destroy. NULL: no memory. */
struct authentication *authentication_create(const struct authentication_setup *setup);
void authentication_destroy(struct authentication *authentication); /* cancels; accepts NULL */

/* Starts a message. envelope NULL: only what the message itself tells (DKIM, ARC; DMARC is not evaluated). */
void authentication_begin(struct authentication *authentication, const struct authentication_envelope *envelope,
                          void (*done)(void *owner), void *owner);
enum verifier_progress authentication_update(struct authentication *authentication, struct span octets);
enum verifier_progress authentication_end(struct authentication *authentication);
/* Time is up: whatever is still open becomes temperror, at once. */
void authentication_expire(struct authentication *authentication);
/* Time is up for what began with the envelope: SPF and iprev become temperror where they are still open (RFC 7208 section
 * 4.6.4). True: the message had ended and with that the last verdict fell; done is not called. */
bool authentication_expire_envelope(struct authentication *authentication);

const struct message_result *authentication_result(const struct authentication *authentication);
/* The part that reads the message: header section, limits. */
const struct message_verifier *authentication_verifier(const struct authentication *authentication);
