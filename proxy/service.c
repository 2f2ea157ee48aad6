#include "proxy/service.h"
#include <stdlib.h>
#include <string.h>
#include "proxy/downstream_pool.h"
#include "proxy/generation.h"
#include "proxy/key_supply.h"

static void note_end(void *owner, struct session *session) {
    struct service *service = owner;
    service->ended(service->owner, session, service);
}

static struct session_setup setup_of(struct service *service, size_t at, const struct service_parts *parts) {
    const struct options *options = service->generation->options;
    enum downstream_kind kind = options->listener[at].downstream_kind;
    bool to_server = kind == DOWNSTREAM_SMTP || kind == DOWNSTREAM_LMTP;
    return (struct session_setup){
        .options = options,
        .listener = &options->listener[at],
        .tls = service->generation->tls[at],
        .server = to_server ? &service->generation->server[at] : NULL,
        .maildir = parts->maildir,
        .downstreams = service->downstreams,
        .tester = kind == DOWNSTREAM_TESTER ? parts->tester : NULL,
        .messages = service->pool,
        .connections = parts->connections,
        .addresses = parts->addresses,
        .name = service->generation->authserv_id.ascii,
        .metrics = parts->metrics,
        .domains = parts->domains,
        .events = parts->events,
        .ended = note_end,
        .owner = service,
    };
}

/* A supply that outlives a reload keeps its client: what is being asked is still being asked. */
static struct key_client *share_keys(const struct generation *generation, const struct service_parts *parts) {
    const struct service *before = parts->before;
    if (before != NULL && key_client_is_of(before->keys, generation->keys)) return key_client_acquire(before->keys);
    return key_client_create(generation->keys, parts->loop, parts->metrics);
}

struct service *service_create(struct generation *generation, const struct service_parts *parts) {
    struct service *service = calloc(1, sizeof *service);
    if (service == NULL) return NULL;
    const struct options *options = generation->options;
    list_init(&service->node);
    service->ended = parts->ended;
    service->owner = parts->owner;
    service->generation = generation_acquire(generation);
    service->keys = share_keys(generation, parts);
    if (service->keys == NULL) return service_destroy(service), NULL;
    service->messages = (struct message_setup){
        .policy = generation->policy,
        .authserv_id = generation->authserv_id,
        .message_max = (uint64_t)options->message_max,
        .budget_ms = options->dns_budget_ms,
        .spf_budget_ms = options->spf_budget_ms,
        .keys = key_client_source(service->keys),
        .dns = key_client_dns(service->keys),
        .style = strcmp(options->results_style, "provider") == 0 ? AUTH_RESULTS_PROVIDER : AUTH_RESULTS_STANDARD,
        .arc = generation->arc,
        .clock = parts->clock,
        .loop = parts->loop,
        .spools = parts->spools,
        .memory = parts->memory,
        .judge = {.config = generation->rules, .scratch = parts->rule_scratch, .replays = parts->replays,
                  .domains = parts->statistics},
    };
    const struct downstream_pool_limits reuse = {
        .per_server = (unsigned)options->idle_downstreams_max,
        .total = (unsigned)options->idle_downstreams_total_max,
        .idle_ms = options->idle_downstream_ms,
        .uses = (unsigned)options->downstream_uses_max,
    };
    service->downstreams = downstream_pool_create(reuse, parts->connections, parts->idle_downstreams, parts->metrics);
    service->pool = message_pool_create(&service->messages);
    service->listener = calloc(options->listener_count, sizeof *service->listener);
    if (service->downstreams == NULL || service->pool == NULL || service->listener == NULL) return service_destroy(service), NULL;
    for (size_t i = 0; i < options->listener_count; i++) service->listener[i] = setup_of(service, i, parts);
    return service;
}

void service_destroy(struct service *service) {
    if (service == NULL) return;
    downstream_pool_destroy(service->downstreams);
    message_pool_destroy(service->pool);
    key_client_release(service->keys);
    generation_release(service->generation);
    free(service->listener);
    free(service);
}
