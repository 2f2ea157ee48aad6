/* http/client_address.h -- whom a request comes from, as text, for limits by client: the address of the connection, or,
 * where a reverse proxy of this host stands in front, the one that it saw. Pure. */
#pragma once
#include <stdbool.h>
#include <sys/socket.h>
#include "base/span.h"

enum { CLIENT_ADDRESS_MAX = 48 };

/* address: of the connection; of another family than IP, or NULL: a unix socket. forwarded: the value of X-Forwarded-For,
 * whose last element is believed when trusts_forwarded and the connection is from this host. Borrows from storage; empty:
 * not known. IPv4 addresses inside IPv6 are written as IPv4. */
struct span client_address(const struct sockaddr *address, bool trusts_forwarded, struct span forwarded,
                           char storage[CLIENT_ADDRESS_MAX]);
