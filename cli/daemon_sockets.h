/* cli/daemon_sockets.h -- sockets that the service manager has opened for us (sd_listen_fds(3), without libsystemd):
 * LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES. Each belongs to the listener whose name it has, or "http", which
 * may be several; one with another
 * name, as systemd gives it, to the listener with its address. What fits nothing is an error: a socket that nobody
 * answers would keep clients waiting. Main thread, before anything else is opened. */
#pragma once
#include <stdbool.h>

struct options;

struct daemon_sockets {
    int *listener; /* one for each of options, -1: none was passed; owned. NULL: none at all */
    int *http;     /* likewise for each address of daemon_http.h */
};

/* False: *error (caller frees; NULL without memory) is one sentence. The variables are taken out of the environment. */
bool daemon_sockets_take(const struct options *options, struct daemon_sockets *out, char **error);
/* Closes listener's, which the proxy has duplicates of; those of http are the HTTP listeners'. */
void daemon_sockets_release(const struct options *options, struct daemon_sockets *sockets);
