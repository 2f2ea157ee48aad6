/* proxy/listener_tls.h -- the TLS contexts that a listener's options ask for: toward clients, and toward downstream.
 * Reads their files: certificate, key, CAs. Thread rule: none needed, values only. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/options.h"

struct tls_context;

/* *server, *client: one reference each; NULL where the options say off. False: both are NULL and *error (caller frees;
 * NULL without memory) is one sentence that names listener and file. */
bool listener_tls_create(const struct listener_options *listener, struct tls_context **server,
                         struct tls_context **client, char **error);
/* Whether server's certificate has not expired; NULL never has. False: *error as above. */
bool listener_tls_is_valid(const struct listener_options *listener, const struct tls_context *server, int64_t now_s,
                           char **error);
