/* http/tester_request.h -- a message or a question on its way to the tester's thread: a copy of all that was brought, with
 * line ends as the wire has them. Allocates; owned by one thread at a time. Limits: those of tester.h. */
#pragma once
#include "base/arena.h"
#include "http/tester_input.h"

struct tester_request {
    struct arena *arena; /* owns every span */
    size_t octets;       /* it takes about so much memory */
    bool has_message;    /* else a question */
    struct tester_message message;
    struct tester_question question;
};

/* message as it is to be verified: bare LF becomes CRLF where there is no CRLF at all or it was pasted; an mbox line in front
 * goes. NULL: no memory. */
struct tester_request *tester_request_of_message(const struct tester_message *message);
struct tester_request *tester_request_of_question(const struct tester_question *question);
void tester_request_destroy(struct tester_request *request); /* accepts NULL */
