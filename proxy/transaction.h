/* proxy/transaction.h -- one mail transaction as the session knows it: from MAIL to the last final reply (RFC 5321 section
 * 3.3). Holds facts and texts for the log; decides nothing. Pure but for its buffers. Zeroed by transaction_init; reset
 * frees everything, so that nothing of one message is left for the next.
 * Limits: TRANSACTION_TEXT_MAX octets of each text; what goes beyond is left out of the log, never out of the counts;
 * TRANSACTION_PATHS_MAX octets of all forward-paths. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/bytes.h"
#include "base/span.h"
#include "proxy/smtp_reply.h"

enum { TRANSACTION_TEXT_MAX = 1024, TRANSACTION_LINE_MAX = 65536, TRANSACTION_PATHS_MAX = 16 << 20 };

struct transaction {
    bool is_open;            /* MAIL was accepted */
    bool is_refused;         /* MAIL was refused: what a client sent right behind it is no mistake of its own */
    bool is_lost;            /* downstream's side of it is gone: 451 until the client starts anew */
    size_t tried, accepted;  /* recipients */
    struct bytes mail_line;  /* the client's MAIL */
    struct bytes sender;     /* reverse-path */
    struct bytes recipients; /* accepted forward-paths, with commas */
    struct bytes forward_paths; /* accepted forward-paths, all of them, each ended by LF: for rules */
    size_t forward_paths_sure;  /* octets of them without the one whose reply is awaited */
    bool is_discarded;          /* the rules said so, and the client got its 250 */
    size_t recipients_sure;  /* octets of recipients without the one whose reply is awaited */
    unsigned code;           /* of the final reply, the gravest of several */
    size_t delivered;        /* final replies of class 2 */
    struct bytes outcome;    /* the final replies' first lines */
};

void transaction_init(struct transaction *transaction);
void transaction_reset(struct transaction *transaction);
/* The client's RCPT is tried ... False: no memory, and it must not be tried. */
bool transaction_try(struct transaction *transaction, struct span path);
/* ... and was answered. */
void transaction_settle(struct transaction *transaction, bool accepted);
/* Notes a final reply that the client gets. */
void transaction_note(struct transaction *transaction, const struct smtp_reply *reply);
/* What stands behind "queued as " in the final replies; empty when there is none. */
struct span transaction_queue_id(const struct transaction *transaction);
