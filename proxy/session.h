/* proxy/session.h -- the server side: one client's SMTP or LMTP conversation (RFC 5321, 2033, 2920, 1870, 6152, 6531,
 * 3461, 2034, 9422), and what it sets in motion.
 * MAIL and RCPT go to downstream while the client is still talking, its replies come back as they are; DATA is answered
 * here, the message is taken whole and verified before downstream sees its DATA. So nothing is acknowledged that
 * downstream did not acknowledge, and downstream never sees the end of a message that was not whole.
 * Commands are handled strictly one after the other, however many the client sends at once.
 * Downstream is connected to at the client's EHLO (its capabilities decide ours) and again at MAIL when it was lost.
 * STARTTLS (RFC 3207) makes the session as new; nothing that was said in clear survives it.
 * Who the client is, its connection says, or the PROXY header of a balancer before the greeting, or XCLIENT.
 * Thread rule: the worker's thread. Memory: an idle session owns below 8 KiB. Limits: struct options. */
#pragma once
#include <stdint.h>
#include "base/list.h"
#include "proxy/session_setup.h"

struct session;
struct socket_address;

/* Greets, or waits for the PROXY header. Takes fd, also on failure. id names the session in logs. NULL: there is no session,
 * for want of memory or since the address has too many (it was told); counted as a rejected connection. */
struct session *session_create(const struct session_setup *setup, int fd, const struct socket_address *peer,
                               uint64_t id);
/* A node for the caller's list of sessions, his to insert and, in ended, to remove. */
struct list *session_node(struct session *session);
struct session *session_of_node(struct list *node);
/* The message in flight may finish; then, or now, the client gets 421. */
void session_drain(struct session *session);
/* Ends at once, or with the Maildir delivery that is under way; what downstream has not acknowledged is not acknowledged
 * to the client. */
void session_abort(struct session *session);
