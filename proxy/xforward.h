/* proxy/xforward.h -- the client that stands behind our client: the attributes of XFORWARD and XCLIENT, read and written
 * (https://www.postfix.org/XFORWARD_README.html, https://www.postfix.org/XCLIENT_README.html; xtext: RFC 3461 section 4).
 * XFORWARD tells for the log whose message follows; XCLIENT makes the server take our connection for that client's.
 * Whether a client may speak them is the session's business. Values are kept decoded; octets that are not printable
 * ASCII become '?', as in Postfix. Pure: no I/O, clock, lock or allocation but that of the buffer written to.
 * Limits: XFORWARD_VALUE_MAX; a longer value is a syntax error. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/span.h"

enum { XFORWARD_VALUE_MAX = 255 };

enum xforward_command { XFORWARD_COMMAND = 1, XCLIENT_COMMAND = 2, XFORWARD_BOTH = XFORWARD_COMMAND | XCLIENT_COMMAND };

/* id, word, the commands that carry it */
#define XFORWARD_ATTRIBUTES(X)                                                                                         \
    X(XFORWARD_NAME, "NAME", XFORWARD_BOTH)          /* host name */                                                   \
    X(XFORWARD_ADDR, "ADDR", XFORWARD_BOTH)          /* IPv4, or IPv6 behind "IPV6:" */                                \
    X(XFORWARD_PORT, "PORT", XFORWARD_BOTH)          /* decimal */                                                     \
    X(XFORWARD_PROTO, "PROTO", XFORWARD_BOTH)        /* SMTP, ESMTP */                                                 \
    X(XFORWARD_HELO, "HELO", XFORWARD_BOTH)          /* what the client called itself */                               \
    X(XFORWARD_IDENT, "IDENT", XFORWARD_COMMAND)     /* queue id of the host before us */                              \
    X(XFORWARD_SOURCE, "SOURCE", XFORWARD_COMMAND)   /* LOCAL or REMOTE */                                             \
    X(XFORWARD_LOGIN, "LOGIN", XCLIENT_COMMAND)      /* SASL login name */                                             \
    X(XFORWARD_DESTADDR, "DESTADDR", XCLIENT_COMMAND) /* where the client connected to */                              \
    X(XFORWARD_DESTPORT, "DESTPORT", XCLIENT_COMMAND)
#define X(id, word, commands) id,
enum xforward_attribute { XFORWARD_ATTRIBUTES(X) XFORWARD_COUNT };
#undef X
const char *xforward_attribute_word(enum xforward_attribute attribute);

enum xforward_state {
    XFORWARD_ABSENT,      /* never said */
    XFORWARD_KNOWN,
    XFORWARD_UNAVAILABLE, /* [UNAVAILABLE] */
    XFORWARD_TEMPUNAVAIL, /* [TEMPUNAVAIL]: NAME only; the look-up failed for now */
};

struct forwarded_client { /* zeroed: nothing is known */
    struct forwarded_value {
        enum xforward_state state;
        uint8_t len;
        char text[XFORWARD_VALUE_MAX]; /* decoded; ADDR without IPV6: and in inet_ntop's form */
    } value[XFORWARD_COUNT];
};

#define XFORWARD_STATUSES(X)                                                                                           \
    X(XFORWARD_OK, "Ok")                                                                                               \
    X(XFORWARD_SYNTAX, "Bad attribute syntax")                                                                         \
    X(XFORWARD_UNKNOWN, "Bad attribute name")                                                                          \
    X(XFORWARD_BAD_VALUE, "Bad attribute value")
#define X(id, text) id,
enum xforward_status { XFORWARD_STATUSES(X) XFORWARD_STATUS_COUNT };
#undef X
const char *xforward_status_text(enum xforward_status status); /* for a reply 501 5.5.4 */

/* Adds what argument (behind the verb) says to *client; several commands add up. On any status but XFORWARD_OK, *client
 * is what it was before. */
enum xforward_status xforward_parse(enum xforward_command command, struct span argument, struct forwarded_client *client);

/* The decoded text of a known attribute; empty when it is not known. Borrowed from client. */
struct span xforward_text(const struct forwarded_client *client, enum xforward_attribute attribute);
/* ADDR as octets: 4 (*is_v4) or 16, the rest zeroed. False: not known. */
bool xforward_address(const struct forwarded_client *client, uint8_t address[16], bool *is_v4);
/* Sets one attribute, for a client that speaks for itself; text is cut at XFORWARD_VALUE_MAX and cleaned. An address
 * that is none becomes XFORWARD_UNAVAILABLE. */
void xforward_set(struct forwarded_client *client, enum xforward_attribute attribute, struct span text);

/* Bit set (1u << attribute) of the command's names in text, "NAME ADDR PROTO" as in an EHLO reply; others are no matter. */
unsigned xforward_offer_read(enum xforward_command command, struct span text);
/* "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE": our own offer. */
const char *xforward_offer(enum xforward_command command);

/* Appends the commands that tell a server all it offers to hear: "XFORWARD NAME=...\r\n", none longer than 512 octets.
 * An attribute that client never said goes out as [UNAVAILABLE], as Postfix does it, but not all of them: when client
 * knows nothing, nothing is written. XCLIENT: what Postfix would refuse is not said: a NAME that is no host name, a PROTO
 * but SMTP and ESMTP (LMTP counts as ESMTP); DESTADDR and DESTPORT only when client said them.
 * Returns the number of commands, each of which gets a reply; look at out->failed. */
unsigned xforward_write(enum xforward_command command, struct bytes *out, const struct forwarded_client *client,
                        unsigned offered);
