/* http/response.h -- a reply made ready for the wire: compressed where that pays, and its header fields.
 * Nothing is cached, framed, sniffed or run by a browser unless the reply says so. Allocates in the reply's body; no I/O,
 * clock or lock. */
#pragma once
#include <stdbool.h>
#include "http/exchange.h"

enum { RESPONSE_FIELDS_MAX = 20 };

struct response_field { const char *name, *value; };
struct response { /* borrows from the reply, and from itself */
    size_t field_count;
    struct response_field field[RESPONSE_FIELDS_MAX];
    char retry_after[16], vary[64], allow[32];
};

/* Prepares *reply, whose body it may compress, for a client with this Accept-Encoding. */
void response_prepare(struct http_reply *reply, struct span accept_encoding, struct response *response);
