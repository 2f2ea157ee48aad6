/* cli/daemon_http.h -- the daemon's HTTP listeners, as its options want them: those for everything, those for /metrics,
 * those for the tester alone, and the access file that all of them ask. Two steps, since threads begin in the second and
 * root must be gone by then. Main thread. */
#pragma once
#include <stdbool.h>
#include "http/exchange.h"

struct daemon_http;
struct endpoint;
struct options;

/* The addresses of options to listen on: those of listen, of metrics_listen, of the tester. */
size_t daemon_http_count(const struct options *options);
const struct endpoint *daemon_http_endpoint(const struct options *options, size_t at);

/* Opens the sockets and reads the access file. given: for each address a socket that listens already, or -1; NULL: none.
 * They are the HTTP listeners' from now on, whatever is returned. options is borrowed until start. NULL: *error (caller
 * frees; NULL without memory) is one sentence. */
struct daemon_http *daemon_http_open(const struct options *options, const int *given, char **error);
/* Serves; sources are copied, what they point to is borrowed until close. False: as above, and only close is left. */
bool daemon_http_start(struct daemon_http *http, const struct http_sources *sources, char **error);
/* Reads the access file again, where there was one from the start. False: *error, and the one before stays in use. */
bool daemon_http_reload(struct daemon_http *http, const struct options *options, char **error);
void daemon_http_close(struct daemon_http *http); /* accepts NULL */
/* Whether the access file of options is sound, for those who only check. */
bool daemon_http_is_valid(const struct options *options, char **error);
