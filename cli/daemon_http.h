/* cli/daemon_http.h -- the daemon's HTTP listeners, as its options want them: those for everything, those for /metrics, those for the tester alone, and
 * the access file that all of them ask. Main thread. */
#pragma once
#include <stdbool.h>
#include "http/exchange.h"

struct daemon_http;
struct options;

/* Listens and serves; sources are copied, what they point to is borrowed until close. NULL: *error (caller frees; NULL
 * without memory) is one sentence. */
struct daemon_http *daemon_http_open(const struct options *options, const struct http_sources *sources, char **error);
/* Reads the access file again, where there was one from the start. False: *error, and the one before stays in use. */
bool daemon_http_reload(struct daemon_http *http, const struct options *options, char **error);
void daemon_http_close(struct daemon_http *http); /* accepts NULL */
/* Whether the access file of options is sound, for those who only check. */
bool daemon_http_is_valid(const struct options *options, char **error);
