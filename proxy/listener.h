/* proxy/listener.h -- bound sockets that clients connect to, one set for each listener of the configuration.
 * TCP: one socket for each worker (SO_REUSEPORT: the kernel deals out the clients); the first one is bound without the
 * option, so that a second daemon on the same address is an error and not a silent sharing. Unix: one socket, of which
 * every worker has a duplicate; a stale socket file is replaced, one that somebody listens on is not.
 * Blocking calls: getaddrinfo. Thread rule: none needed, values only. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/options.h"

/* Fills fd[worker] with count listening, non-blocking sockets for one listener. given: a listening socket that somebody
 * else has bound, of which fd are duplicates; -1: there is none. On failure, false: nothing is open and
 * *error (caller frees, NULL when there is no memory) names the listener, its address and the reason. */
bool listener_open(const struct listener_options *listener, int given, int *fd, size_t count, char **error);
/* Two configurations mean the same sockets. */
bool listener_same_address(const struct endpoint *a, const struct endpoint *b);
