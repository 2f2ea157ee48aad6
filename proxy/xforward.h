/* proxy/xforward.h -- the client that stands behind our client: XFORWARD's attributes, read and written
 * (https://www.postfix.org/XFORWARD_README.html; xtext: RFC 3461 section 4).
 * Whether a client may speak XFORWARD is the session's business. Values are kept decoded; octets that are not printable
 * ASCII become '?', as in Postfix. Pure: no I/O, clock, lock or allocation but that of the buffer written to.
 * Limits: XFORWARD_VALUE_MAX; a longer value is a syntax error. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/span.h"

enum { XFORWARD_VALUE_MAX = 255 };

#define XFORWARD_ATTRIBUTES(X)                                                                                         \
    X(XFORWARD_NAME, "NAME")     /* host name */                                                                       \
    X(XFORWARD_ADDR, "ADDR")     /* IPv4, or IPv6 behind "IPV6:" */                                                    \
    X(XFORWARD_PORT, "PORT")     /* decimal */                                                                         \
    X(XFORWARD_PROTO, "PROTO")   /* SMTP, ESMTP */                                                                     \
    X(XFORWARD_HELO, "HELO")     /* what the client called itself */                                                   \
    X(XFORWARD_IDENT, "IDENT")   /* queue id of the host before us */                                                  \
    X(XFORWARD_SOURCE, "SOURCE") /* LOCAL or REMOTE */
#define X(id, word) id,
enum xforward_attribute { XFORWARD_ATTRIBUTES(X) XFORWARD_COUNT };
#undef X
const char *xforward_attribute_word(enum xforward_attribute attribute);

enum xforward_state {
    XFORWARD_ABSENT,      /* never said */
    XFORWARD_KNOWN,
    XFORWARD_UNAVAILABLE, /* [UNAVAILABLE] */
    XFORWARD_TEMPUNAVAIL, /* [TEMPUNAVAIL]: NAME only; the look-up failed for now */
};

struct forwarded_client { /* zeroed: nothing is known; that is how it starts and how a transaction's end leaves it */
    struct forwarded_value {
        enum xforward_state state;
        uint8_t len;
        char text[XFORWARD_VALUE_MAX]; /* decoded; ADDR without IPV6: and in inet_ntop's form */
    } value[XFORWARD_COUNT];
};

#define XFORWARD_STATUSES(X)                                                                                           \
    X(XFORWARD_OK, "Ok")                                                                                               \
    X(XFORWARD_SYNTAX, "Bad XFORWARD syntax")                                                                          \
    X(XFORWARD_UNKNOWN, "Bad XFORWARD attribute name")                                                                 \
    X(XFORWARD_BAD_VALUE, "Bad XFORWARD attribute value")
#define X(id, text) id,
enum xforward_status { XFORWARD_STATUSES(X) XFORWARD_STATUS_COUNT };
#undef X
const char *xforward_status_text(enum xforward_status status); /* for a reply 501 5.5.4 */

/* Adds what argument (behind the verb) says to *client; several commands add up. On any status but XFORWARD_OK, *client
 * is what it was before. */
enum xforward_status xforward_parse(struct span argument, struct forwarded_client *client);

/* The decoded text of a known attribute; empty when it is not known. Borrowed from client. */
struct span xforward_text(const struct forwarded_client *client, enum xforward_attribute attribute);
/* ADDR as octets: 4 (*is_v4) or 16, the rest zeroed. False: not known. */
bool xforward_address(const struct forwarded_client *client, uint8_t address[16], bool *is_v4);
/* Sets one attribute, for a client that speaks for itself; text is cut at XFORWARD_VALUE_MAX and cleaned. An address
 * that is none becomes XFORWARD_UNAVAILABLE. */
void xforward_set(struct forwarded_client *client, enum xforward_attribute attribute, struct span text);

/* Bit set (1u << attribute) of the names in text, "NAME ADDR PROTO" as in an EHLO reply; unknown names are no matter.
 */
unsigned xforward_offer_read(struct span text);
/* "NAME ADDR PORT PROTO HELO IDENT SOURCE": our own offer. */
const char *xforward_offer(void);

/* Appends the commands that tell a server all it offers to hear: "XFORWARD NAME=...\r\n", none longer than 512 octets.
 * An attribute that client never said goes out as [UNAVAILABLE], as Postfix does it, but not all of them: when client
 * knows nothing, nothing is written. Returns the number of commands, each of which gets a reply; look at out->failed.
 */
unsigned xforward_write(struct bytes *out, const struct forwarded_client *client, unsigned offered);
