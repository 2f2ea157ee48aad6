/* proxy/downstream.h -- the client side: one SMTP or LMTP conversation with the server the mail goes on to
 * (RFC 5321, RFC 2033, XFORWARD, XCLIENT). Connects, greets, relays commands one by one (several at once where the
 * server offers PIPELINING and order allows it), sends a message's content as fast as the socket takes it, and hands
 * replies up as they came. Says STARTTLS (RFC 3207) as tls_policy wants it; what the server said in clear is forgotten,
 * capabilities too, and octets behind its 220 end the conversation. TLS_MAY goes on in clear where STARTTLS is
 * not offered or refused, and connects once more without it when the handshake failed. What a reply or a fault means
 * for the client is the session's business. An end of data is sent only for a message that downstream_deliver was given
 * whole; every fault before drops the connection instead, so that the server never takes a part for the whole. Events
 * come from the loop only, never inside a call of this module; inside an event every call is allowed, destroy too.
 * Thread rule: the loop's thread. Memory: an idle conversation holds no buffers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"
#include "proxy/downstream_setup.h"
#include "proxy/smtp_capabilities.h"

struct connection_set;
struct content;
struct forwarded_client;

const char *downstream_fault_enhanced(enum downstream_fault fault);
const char *downstream_fault_text(enum downstream_fault fault);

struct downstream;

/* Connects nowhere yet. server and events are borrowed until destroy. NULL: no memory. */
struct downstream *downstream_create(const struct downstream_server *server, struct connection_set *set,
                                     const struct downstream_events *events, void *owner);
/* Between transactions: says QUIT; else drops the connection. Accepts NULL. */
void downstream_destroy(struct downstream *downstream);

/* Connects and greets: ready or failed follows. Only when closed. */
void downstream_open(struct downstream *downstream);
/* Tells a server that offers XCLIENT whose commands follow, and says EHLO (LHLO) again, with that client's own name:
 * ready or failed follows; a refusal of XCLIENT is no matter. False, and nothing follows: the server does not offer it,
 * knows already, or client has no internet address and nobody was told before on this connection, so we speak for
 * ourselves. Only when ready, and between transactions. */
bool downstream_introduce(struct downstream *downstream, const struct forwarded_client *client);
/* Whether another session may go on with the connection: nothing is under way on it, no reply is awaited but those to RSET
 * and NOOP, the server has refused nothing since the last message it took (servers count that against whoever talks),
 * and it was told of nobody by XCLIENT, which lasts for the connection. XFORWARD is for one message and is said anew
 * with each. */
bool downstream_is_reusable(const struct downstream *downstream);
unsigned downstream_uses(const struct downstream *downstream); /* how often it was revived since it was opened */
/* From now on its events go to another owner. */
void downstream_hand_over(struct downstream *downstream, const struct downstream_events *events, void *owner);
/* Says RSET: ready follows when the server is still there, else failed with DOWNSTREAM_STALE. Until MAIL was answered
 * DOWNSTREAM_STALE is also what becomes of a 421 to it and of every other fault of the server: nothing was accepted, so
 * the same may be tried on a new connection. Only when reusable. */
void downstream_revive(struct downstream *downstream);
bool downstream_is_closed(const struct downstream *downstream); /* never opened, or failed */
/* Valid from ready on. */
const struct smtp_capabilities *downstream_capabilities(const struct downstream *downstream);

/* Sends one command line (without CRLF); replied follows, or failed. client may be NULL; its attributes go first where
 * the server offers XFORWARD, and a refusal of them is no matter. Only when ready. */
void downstream_mail(struct downstream *downstream, const struct forwarded_client *client, struct span line);
void downstream_rcpt(struct downstream *downstream, struct span line);
/* Sends DATA and, at 354, content, which stays the caller's and as it is until the last reply or failed. recipients:
 * how many were accepted. */
void downstream_deliver(struct downstream *downstream, const struct content *content, size_t recipients);
/* The end of data is out and its reply is not there yet: what becomes of the message is the server's decision now. */
bool downstream_is_committed(const struct downstream *downstream);
/* Ends the transaction without delivery. No event follows for it. */
void downstream_reset(struct downstream *downstream);
