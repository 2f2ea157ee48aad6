/* http/tester_setup.h -- what a tester's desk is made of: its caps and promises, and its way to keys and DNS. Pure data. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "verifier/verifier_policy.h"

struct clock;
struct domain_stats;
struct dns_source;
struct key_source;
struct loop;
struct metrics;

/* The way to keys and DNS, on the desk's thread. acquire: a client for loop, and its two sources, valid until release; NULL:
 * none now. One client may be acquired by many jobs; a reload hands out a new one, the old one stays until its last job
 * releases it. */
struct tester_resolver {
    void *(*acquire)(void *owner, struct loop *loop, struct key_source **keys, struct dns_source **dns);
    void (*release)(void *owner, void *client);
    /* The desk's thread is about to end and holds no client any more. */
    void (*end)(void *owner);
    void *owner;
};

struct tester_setup {
    const char *domain;       /* of the test addresses; "": no tests by mail */
    const char *base_url;     /* "https://tester.example", without final slash; "": links have no host */
    int64_t retention_s;
    bool may_keep_messages;   /* whether people may have their message kept */
    unsigned tests_per_minute; /* that one client may open; questions that are asked count as well */
    unsigned dns_per_minute;  /* names that are looked up for one client */
    unsigned dns_per_minute_total;
    size_t tests_max;
    size_t memory_max;        /* octets of all reports, kept messages and those that wait */
    const char *authserv_id;  /* our name, for SPF's r macro */
    struct verifier_policy policy;
    const struct clock *clock;
    struct metrics *metrics;  /* may be NULL */
    struct span suffixes;     /* the public suffix list; empty: there is none */
    struct domain_stats *domains; /* what was seen of other mail; may be NULL */
    struct tester_resolver resolver;
};
