/* http/client_quota.h -- how much a client may have done in a minute: tests and questions, and names looked up in DNS for
 * it; and how many names for all clients together. Buckets that fill evenly; lookups are charged afterwards, so a bucket may
 * fall below zero, and then nothing more is begun until it has filled again.
 * Clients are known by their address, IPv6 by its /64; those not seen for long give way to others.
 * Thread rule: one thread at a time. Limits: CLIENT_QUOTA_CLIENTS_MAX clients, about. */
#pragma once
#include <stdbool.h>
#include "base/clock.h"
#include "base/span.h"

enum { CLIENT_QUOTA_CLIENTS_MAX = 10000 };

struct client_quota;

struct client_quota_rates { unsigned tests, lookups, lookups_of_all; }; /* a minute */

struct client_quota *client_quota_create(const struct client_quota_rates *rates, const struct clock *clock); /* NULL: no memory */
void client_quota_destroy(struct client_quota *quota); /* accepts NULL */

/* Takes one test off. False: not now; *retry_after_s, at least 1, is when there is one again. address empty: only what counts
 * for all. Without memory a client is let in. */
bool client_quota_take(struct client_quota *quota, struct span address, unsigned *retry_after_s);
/* Whether lookups are left for all clients together. */
bool client_quota_has_lookups(struct client_quota *quota);
void client_quota_charge(struct client_quota *quota, struct span address, unsigned lookups);

/* The key that a client is known by: address itself, or for IPv6 its first 64 bits, as text; into out, which borrows from
 * address or storage. */
struct span client_quota_key(struct span address, char storage[48]);
