/* http/server.h -- one listener of the HTTP endpoint, served from a thread of libmicrohttpd's own.
 * server.c is the only file that includes microhttpd.h. What is served stands in http/site.c; this module reads requests,
 * finds the row, keeps out whom it is not for (http/access.h), refuses changes that other sites' pages ask for
 * (http/same_origin.h), and sends the reply: HEAD beside GET, errors as RFC 9457 problems, gzip when it is accepted. Bodies
 * are gathered up to the row's limit; event streams go on until they end or the server does.
 * Thread rule: create and destroy from one thread; ready is called from the server's thread.
 * Limits: as many connections as are set up, and when one more comes, the one that has waited longest is closed: whoever
 * asks and reads is served, whatever crowd connects; of one address (IPv6: one /64) as many as are set up, more are closed
 * at once; event streams count apart, streams_max; 10 s without progress; head_max for a request's
 * head, 64 KiB of a body that nobody wants; SERVER_BODIES_MAX octets of all bodies that are gathered at a time: whoever brings
 * more is hung up on. */
#pragma once
#include "base/endpoint.h"
#include "http/route.h"

enum { SERVER_STREAMS_MAX = 64, SERVER_HEAD_MAX = 16 * 1024, SERVER_BODIES_MAX = 64 << 20 };

struct access;
struct http_server;

struct http_server_setup {
    const struct endpoint *listen; /* borrowed during the call */
    bool is_given;                 /* it is open already ... */
    int given;                     /* ... and this is the listening socket: the server's from now on, also when it is not created */
    bool keeps_file;               /* a unix socket's file is somebody else's to remove */
    unsigned connections_max, connections_per_address_max;
    unsigned services;             /* enum http_service, together */
    struct access *access;         /* borrowed until destroy; NULL: whoever connects may read everything */
    size_t streams_max;            /* event streams at a time; 0: SERVER_STREAMS_MAX */
    size_t head_max;               /* octets of a request's head, which a connection holds as long as it lasts; 0: SERVER_HEAD_MAX */
    bool trusts_forwarded_for;     /* X-Forwarded-For of connections from this host names the client (client_address.h) */
    bool is_for_everybody;         /* without access, other hosts may connect all the same; a promise that it is meant so */
    struct http_sources sources;
    /* The tables of rows, borrowed until destroy; NULL: all of http/site.h. */
    const struct http_route_table *const *tables;
    size_t table_count;
};

/* Listens and serves. NULL: *error (caller frees; NULL when there is no memory) is one sentence. */
struct http_server *http_server_create(const struct http_server_setup *setup, char **error);
/* Ends what is under way, streams as well, and the thread; removes a unix socket. Accepts NULL. */
void http_server_destroy(struct http_server *server);
unsigned http_server_port(const struct http_server *server); /* 0 on a unix socket */
