#include "verifier/name_servers.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/arena.h"

enum { ARENA_MAX = 64 * 1024, ASKS_MAX = 1 + 2 * NAME_SERVERS_MAX, ADDRESS_V4 = 4, ADDRESS_V6 = 16 };

struct ask {
    struct dns_query query; /* first */
    struct name_servers *servers;
    enum dns_type type;
    size_t server; /* of an address: whose */
    bool is_pending;
};

struct name_servers {
    struct dns_source *dns;
    struct arena *arena;
    void (*done)(void *owner);
    void *owner;
    struct span zone; /* whose servers are asked for */
    unsigned zones;
    bool starting;
    size_t pending, count;
    struct name_server server[NAME_SERVERS_MAX];
    struct ask ask[ASKS_MAX]; /* 0: for the zone; then two for each server */
};

static void ask_for(struct name_servers *servers, size_t slot, struct span name, enum dns_type type, size_t server);

/* --- what is said ------------------------------------------------------------------------------------------------ */

static void take_address(struct name_server *server, struct span octets, enum dns_type type) {
    char text[INET6_ADDRSTRLEN];
    bool is_v4 = type == DNS_A;
    if (octets.len != (is_v4 ? ADDRESS_V4 : ADDRESS_V6) || (!is_v4 && server->address[0] != '\0')) return;
    if (inet_ntop(is_v4 ? AF_INET : AF_INET6, octets.ptr, text, sizeof text) == NULL) return;
    snprintf(server->address, sizeof server->address, "%s@53", text);
}

static void take_servers(struct name_servers *servers, const struct dns_answer *answer) {
    for (size_t i = 0; i < answer->record_count && servers->count < NAME_SERVERS_MAX; i++) {
        struct span name = arena_copy(servers->arena, answer->record[i]);
        if (name.len > 0) servers->server[servers->count++].name = name;
    }
    for (size_t i = 0; i < servers->count;
         i++) { /* after all are kept: an answer by return value ends the borrowed one */
        ask_for(servers, 1 + 2 * i, servers->server[i].name, DNS_A, i);
        ask_for(servers, 2 + 2 * i, servers->server[i].name, DNS_AAAA, i);
    }
}

/* No server at this name: at the one above? */
static void climb(struct name_servers *servers) {
    struct span parent = span_after(servers->zone, span_find(servers->zone, '.'));
    if (parent.len == 0) return;
    parent = span_after(parent, 1);
    if (span_find(parent, '.') == parent.len || ++servers->zones == NAME_SERVERS_ZONES_MAX) return;
    servers->zone = parent;
    ask_for(servers, 0, parent, DNS_NS, 0);
}

static void take(struct ask *ask, const struct dns_answer *answer) {
    struct name_servers *servers = ask->servers;
    if (ask->type == DNS_NS) {
        if (answer->record_count > 0)
            take_servers(servers, answer);
        else if (answer->status == DNS_NODATA || answer->status == DNS_NXDOMAIN)
            climb(servers);
    } else if (answer->record_count > 0) {
        take_address(&servers->server[ask->server], answer->record[0], ask->type);
    }
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static void answered(struct dns_query *query, const struct dns_answer *answer) {
    struct ask *ask = (struct ask *)(void *)query;
    struct name_servers *servers = ask->servers;
    ask->is_pending = false;
    servers->pending--;
    take(ask, answer);
    if (servers->pending == 0 && !servers->starting) servers->done(servers->owner);
}

static void ask_for(struct name_servers *servers, size_t slot, struct span name, enum dns_type type, size_t server) {
    struct ask *ask = &servers->ask[slot];
    struct dns_answer answer;
    *ask = (struct ask){.query.answered = answered, .servers = servers, .type = type, .server = server};
    if (dns_lookup(servers->dns, name, type, &ask->query, &answer) == DNS_ANSWERED) {
        take(ask, &answer); /* at most NAME_SERVERS_ZONES_MAX deep */
        return;
    }
    ask->is_pending = true;
    servers->pending++;
}

struct name_servers *name_servers_create(struct dns_source *dns) {
    struct name_servers *servers = calloc(1, sizeof *servers);
    if (servers == NULL) return NULL;
    servers->dns = dns;
    servers->arena = arena_create(ARENA_MAX);
    if (servers->arena != NULL) return servers;
    free(servers);
    return NULL;
}

void name_servers_expire(struct name_servers *servers) {
    for (size_t i = 0; i < ASKS_MAX; i++) {
        if (!servers->ask[i].is_pending) continue;
        dns_cancel(servers->dns, &servers->ask[i].query);
        servers->ask[i].is_pending = false;
    }
    servers->pending = 0;
}

void name_servers_destroy(struct name_servers *servers) {
    if (servers == NULL) return;
    name_servers_expire(servers);
    arena_destroy(servers->arena);
    free(servers);
}

bool name_servers_find(struct name_servers *servers, struct span domain, void (*done)(void *owner), void *owner) {
    servers->done = done;
    servers->owner = owner;
    servers->zone = arena_copy(servers->arena, domain);
    servers->starting = true;
    if (servers->zone.len > 0) ask_for(servers, 0, servers->zone, DNS_NS, 0);
    servers->starting = false;
    return servers->pending == 0;
}

const struct name_server *name_servers_list(const struct name_servers *servers, size_t *count) {
    *count = servers->count;
    return servers->server;
}
