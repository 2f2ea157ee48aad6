/* http/exchange.h -- one request and its reply, as the functions that answer see them: no library's types in it.
 * A page is a function of struct http_request that fills struct http_reply; it is called once the request's body is there,
 * whole. All spans of a request live until its function returns. Thread rule: functions run in the HTTP server's thread,
 * one at a time, so each should end within a few milliseconds; what takes longer answers by an event_stream.
 * Limits: HTTP_PARAMETERS_MAX path parameters, HTTP_REPLY_MAX octets of a reply. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/span.h"
#include "http/exposition.h"

enum { HTTP_PARAMETERS_MAX = 4, HTTP_REPLY_MAX = 16 * 1024 * 1024 };

struct event_stream;
struct tester;

/* What pages speak of; borrowed, as long as the server lives. */
struct http_sources {
    struct metrics *metrics;
    struct domain_stats *domains;
    struct named_counts *rule_counts; /* may be NULL */
    struct tester *tester; /* NULL: switched off */
    struct build_info build;
    /* Whether the daemon can do its work; if not, says in *why what it waits for. NULL: always. */
    bool (*ready)(void *owner, struct bytes *why);
    void *owner; /* of ready */
};

/* HEAD is GET to all but the server. */
enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_DELETE = 4 };

enum http_part { HTTP_PART_FIELD, HTTP_PART_QUERY };

struct http_request {
    const struct http_sources *sources;
    enum http_method method;
    struct span path;                            /* without query, decoded */
    struct span parameter[HTTP_PARAMETERS_MAX];  /* what stands for each {} of the route's path, from the left */
    struct span body;                            /* of a route that takes one; else empty */
    unsigned services;                           /* enum http_service (route.h), together: what is served where it came in */
    struct span client;                          /* its address as text, for limits by client; empty: not known */
    /* The server's, or a test's: false when there is no such header field, or no such name in the query. */
    bool (*find)(const void *connection, enum http_part part, const char *name, struct span *value);
    const void *connection;
};

/* A header field's value, empty when it is not there. name in any letter case. */
struct span http_request_field(const struct http_request *request, const char *name);
/* The value of name=value in the query, decoded; false: not there. */
bool http_request_query(const struct http_request *request, const char *name, struct span *value);

/* What goes back. Begins as 200, plain text, empty. Texts must live for ever, but for location and the body. */
struct http_reply {
    unsigned status;
    const char *content_type;
    const char *vary;           /* header fields the answer depends on, beside Accept-Encoding; NULL: none */
    const char *cache_control;  /* NULL: no-store */
    const char *content_policy; /* Content-Security-Policy; NULL: nothing may be loaded, framed, run or sent */
    const char *language;       /* Content-Language; NULL: none */
    const char *authenticate;   /* WWW-Authenticate; NULL: none */
    unsigned retry_after_s;     /* 0: none */
    bool is_unlisted;           /* X-Robots-Tag: search engines leave it alone */
    unsigned methods;           /* for 405: enum http_method, together */
    char *location;             /* owned; NULL: none */
    struct bytes body;          /* failed: becomes a 500 */
    struct event_stream *stream; /* instead of the body, which then comes bit by bit; a reference that the server takes over */
};

struct http_reply http_reply_make(void);
void http_reply_release(struct http_reply *reply);
/* Makes reply an RFC 9457 problem of a status that reply_title knows: {"type","title","status","detail"}. */
void http_reply_problem(struct http_reply *reply, unsigned status, const char *detail);
/* The same with "where", which names the part of the request that is to blame. */
void http_reply_problem_at(struct http_reply *reply, unsigned status, const char *detail, const char *where);
/* A count from 1 to most, in digits only; for values of queries. */
bool http_count_parse(struct span text, uint64_t most, uint64_t *count);
