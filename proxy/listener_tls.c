#include "proxy/listener_tls.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "proxy/tls.h"

static bool complain(const struct listener_options *listener, char *reason, char **error) {
    if (asprintf(error, "listener \"%s\": %s", listener->name, reason != NULL ? reason : "out of memory") < 0)
        *error = NULL;
    free(reason);
    return false;
}

bool listener_tls_create(const struct listener_options *listener, struct tls_context **server,
                         struct tls_context **client, char **error) {
    char *reason = NULL;
    *server = *client = NULL;
    *error = NULL;
    if (listener->tls != TLS_OFF)
        *server = tls_context_create_server(listener->tls_certificate, listener->tls_key, &reason);
    if (listener->tls != TLS_OFF && *server == NULL) return complain(listener, reason, error);
    if (listener->downstream_tls == TLS_OFF) return true;
    bool verifies = listener->downstream_tls == TLS_VERIFY;
    *client = tls_context_create_client(verifies, listener->downstream_ca, &reason);
    if (*client != NULL) return true;
    tls_context_release(*server);
    *server = NULL;
    return complain(listener, reason, error);
}

bool listener_tls_is_valid(const struct listener_options *listener, const struct tls_context *server, int64_t now_s,
                           char **error) {
    char when[40], *reason = NULL;
    struct tm time;
    *error = NULL;
    if (server == NULL || tls_context_expires_s(server) > now_s) return true;
    time_t expires_s = (time_t)tls_context_expires_s(server);
    if (gmtime_r(&expires_s, &time) == NULL || strftime(when, sizeof when, "%Y-%m-%d %H:%M:%SZ", &time) == 0)
        when[0] = '\0';
    if (asprintf(&reason, "certificate %s: it has expired (%s)", listener->tls_certificate, when) < 0) reason = NULL;
    return complain(listener, reason, error);
}
