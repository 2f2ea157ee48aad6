/* http/server.h -- metrics, health and statistics over HTTP, from a thread of libmicrohttpd's own.
 * server.c is the only file that includes microhttpd.h. GET and HEAD only; errors are RFC 9457 problems; gzip when it is
 * accepted; nothing is cached, framed or run by a browser (headers). What is served stands in server.c's table.
 * Thread rule: create and destroy from one thread; ready is called from the server's thread.
 * Limits: loopback addresses and unix sockets only; 32 connections, 4 an address, 10 s without progress, 16 KiB for a
 * request's head, 64 KiB of a body that is thrown away. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/options.h"
#include "http/exposition.h"

struct http_server;

struct http_server_setup {
    const struct endpoint *listen; /* borrowed during the call */
    struct metrics *metrics;       /* borrowed, as what follows, until destroy */
    struct domain_stats *domains;
    struct named_counts *rule_counts; /* may be NULL */
    struct build_info build;
    /* Whether the daemon can do its work; if not, says in *why what it waits for. NULL: always. */
    bool (*ready)(void *owner, struct bytes *why);
    void *owner;
};

/* Listens and serves. NULL: *error (caller frees; NULL when there is no memory) is one sentence. */
struct http_server *http_server_create(const struct http_server_setup *setup, char **error);
/* Ends what is under way, and the thread; removes a unix socket. Accepts NULL. */
void http_server_destroy(struct http_server *server);
unsigned http_server_port(const struct http_server *server); /* 0 on a unix socket */
