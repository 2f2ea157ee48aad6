/* http/listen_socket.h -- the socket that pages are served on: an address of this host, "*" for all of them, or a unix
 * socket. Who may connect there is the options' business. Blocking calls, any thread. */
#pragma once
#include "base/options.h"

/* A listening, non-blocking, close-on-exec socket, or -1: then *error (caller frees; NULL when there is no memory) is one
 * sentence. "localhost" is 127.0.0.1; other host names are refused; "*" takes IPv6 and IPv4. Port 0: the kernel chooses. A unix socket that a
 * process left behind and nobody listens on is replaced. */
int listen_socket_open(const struct endpoint *endpoint, char **error);
/* The port it is bound to; 0 for a unix socket. */
unsigned listen_socket_port(int fd);
