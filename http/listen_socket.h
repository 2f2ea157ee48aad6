/* http/listen_socket.h -- the socket that pages are served on: a loopback address or a unix socket, nothing else.
 * The pages tell who writes to whom and know no passwords yet; so every other address is refused. Blocking calls, any
 * thread. */
#pragma once
#include "base/options.h"

/* A listening, non-blocking, close-on-exec socket, or -1: then *error (caller frees; NULL when there is no memory) is one
 * sentence. "localhost" is 127.0.0.1; other host names are refused. Port 0: the kernel chooses. A unix socket that a
 * process left behind and nobody listens on is replaced. */
int listen_socket_open(const struct endpoint *endpoint, char **error);
/* The port it is bound to; 0 for a unix socket. */
unsigned listen_socket_port(int fd);
