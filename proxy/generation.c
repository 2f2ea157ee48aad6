#include "proxy/generation.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proxy/key_supply.h"
#include "proxy/listener_tls.h"
#include "proxy/socket_address.h"
#include "proxy/tls.h"

enum { KEEP_ALIVE_MS = 60000 };

struct verifier_policy generation_limits(const struct options *options) {
    return (struct verifier_policy){
        .header = {(size_t)options->header_section_max, (size_t)options->header_field_max,
                   (size_t)options->header_fields_max},
        .signatures_seen_max = (unsigned)options->signatures_seen_max,
        .signatures_verified_max = (unsigned)options->signatures_verified_max,
        .key_lookups_max = (unsigned)options->key_lookups_max,
        .rsa_bits_min = (unsigned)options->rsa_bits_min,
        .rsa_bits_max = (unsigned)options->rsa_bits_max,
        .drift_s = options->drift_ms / 1000,
        .unsigned_octets_pass = options->unsigned_octets_pass != 0,
        .dns_queries_max = (unsigned)options->dns_queries_max,
        .arc_keys_max = (unsigned)options->arc_keys_max,
        .arc_bodies_max = verifier_policy_default.arc_bodies_max,
        .trusts_received = options->trusts_received != 0,
    };
}

static struct verifier_policy policy_of(const struct options *options, const struct arc_config *arc) {
    struct verifier_policy policy = generation_limits(options);
    policy.trusted_sealers = (const char *const *)arc->trusted;
    policy.trusted_sealer_count = arc->trusted_count;
    policy.wants_seal_hash = arc->key != NULL;
    return policy;
}

static bool fill_server(struct generation *generation, size_t at, char **error) {
    const struct options *options = generation->options;
    const struct listener_options *listener = &options->listener[at];
    struct downstream_server *server = &generation->server[at];
    char text[ENDPOINT_TEXT_MAX];
    if (!listener_tls_create(listener, &generation->tls[at], &server->tls, error)) return false;
    if (listener->downstream_kind == DOWNSTREAM_MAILDIR || listener->downstream_kind == DOWNSTREAM_TESTER) return true;
    server->tls_policy = listener->downstream_tls;
    if (!listener->downstream.is_unix)
        (void)snprintf(server->host, sizeof server->host, "%s", listener->downstream.host);
    server->tls_handshake_timeout_ms = options->tls_handshake_timeout_ms;
    server->is_lmtp = listener->downstream_kind == DOWNSTREAM_LMTP;
    server->greeting_timeout_ms = options->greeting_timeout_ms;
    server->reply_timeout_ms = options->reply_timeout_ms;
    server->data_timeout_ms = options->data_timeout_ms;
    server->final_reply_timeout_ms = options->final_reply_timeout_ms;
    server->keep_alive_ms = KEEP_ALIVE_MS;
    server->idle = &generation->idle[at];
    (void)snprintf(server->hello_name, sizeof server->hello_name, "%s", generation->authserv_id.ascii);
    const char *reason = socket_address_resolve(&listener->downstream, false, server->address, &server->address_count);
    if (reason == NULL) return true;
    endpoint_format(&listener->downstream, text);
    if (asprintf(error, "listener \"%s\": downstream %s: %s", listener->name, text, reason) < 0) *error = NULL;
    return false;
}

struct generation *generation_create(struct options *options, struct key_supply *keys, struct named_counts *rule_counts,
                                     char **error) {
    struct generation *generation = calloc(1, sizeof *generation);
    *error = NULL;
    if (generation == NULL) return NULL;
    atomic_init(&generation->references, 1);
    generation->options = options_acquire(options);
    generation->keys = key_supply_acquire(keys);
    generation->server = calloc(options->listener_count > 0 ? options->listener_count : 1, sizeof *generation->server);
    generation->tls = calloc(options->listener_count > 0 ? options->listener_count : 1, sizeof *generation->tls);
    generation->idle = calloc(options->listener_count > 0 ? options->listener_count : 1, sizeof *generation->idle);
    bool is_usable = generation->server != NULL && generation->tls != NULL && generation->idle != NULL;
    if (is_usable) generation->arc = arc_config_create(options, error);
    if (generation->arc != NULL) generation->rules = rule_config_create(options, rule_counts, error);
    if (generation->rules == NULL) return generation_release(generation), NULL;
    generation->policy = policy_of(options, generation->arc);
    if (is_usable && !authserv_id_init(&generation->authserv_id, span_of(options->authserv_id))) {
        if (asprintf(error, "authserv_id \"%s\" is no usable name", options->authserv_id) < 0) *error = NULL;
        is_usable = false;
    }
    for (size_t i = 0; is_usable && i < options->listener_count; i++) is_usable = fill_server(generation, i, error);
    if (is_usable) return generation;
    generation_release(generation);
    return NULL;
}

struct generation *generation_acquire(struct generation *generation) {
    atomic_fetch_add(&generation->references, 1);
    return generation;
}

void generation_release(struct generation *generation) {
    if (generation == NULL || atomic_fetch_sub(&generation->references, 1) > 1) return;
    for (size_t i = 0; i < generation->options->listener_count; i++) {
        if (generation->tls != NULL) tls_context_release(generation->tls[i]);
        if (generation->server != NULL) tls_context_release(generation->server[i].tls);
    }
    free(generation->tls);
    free(generation->idle);
    free(generation->server);
    rule_config_destroy(generation->rules);
    arc_config_destroy(generation->arc);
    key_supply_release(generation->keys);
    options_release(generation->options);
    free(generation);
}
