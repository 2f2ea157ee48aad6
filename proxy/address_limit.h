/* proxy/address_limit.h -- how many sessions each client address has, over all workers, so that no one client can take
 * them all. An IPv6 address counts as its /64, of which one client commonly has every address.
 * Thread rule: any thread; one lock of its own, under which nothing else is locked. Cost: one hash and a short list;
 * one small block of memory for each address that has sessions, so limits.sessions bounds it. */
#pragma once
#include <stdbool.h>

struct socket_address;
struct address_limit;
struct address_place; /* one address that has sessions */

struct address_limit *address_limit_create(void); /* NULL: no memory */
void address_limit_destroy(struct address_limit *limit); /* accepts NULL; everybody must have left */

/* Counts one session more of address; *place is for address_limit_leave, NULL when there is nothing to count: no limit
 * (NULL), or no internet address. False: most sessions are there already, or there is no memory; nothing was counted. */
bool address_limit_enter(struct address_limit *limit, const struct socket_address *address, unsigned most,
                         struct address_place **place);
void address_limit_leave(struct address_limit *limit, struct address_place *place); /* accepts NULL places */
