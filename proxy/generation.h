/* proxy/generation.h -- one configuration in use: options, what was worked out from them, and the way to keys.
 * Immutable once made, shared by all workers; the last one of them who lets go frees it, so sessions keep the
 * configuration that they began with. generation_create may block (host names of downstream) and reads files: TLS
 * certificates and keys, the keys of ARC seals, rules and their lists.
 * Thread rule: acquire and release from any thread. */
#pragma once
#include <stdatomic.h>
#include <stddef.h>
#include "base/options.h"
#include "proxy/arc_config.h"
#include "proxy/downstream.h"
#include "proxy/rule_config.h"
#include "verifier/authserv_id.h"
#include "verifier/verifier_policy.h"

struct key_supply;
struct named_counts;
struct tls_context;

struct generation {
    atomic_uint references;
    struct options *options; /* owned reference */
    struct key_supply *keys; /* owned reference */
    struct arc_config *arc;
    struct rule_config *rules;
    struct verifier_policy policy; /* borrows from arc */
    struct authserv_id authserv_id;
    struct tls_context **tls;         /* one for each listener: toward its clients; NULL: none */
    atomic_uint *idle;                /* one for each server: its connections that wait for a session */
    struct downstream_server *server; /* one for each listener; unused where it delivers to a Maildir */
};

/* Acquires options and keys; rule_counts, which may be NULL, is borrowed as long as it lives. NULL: *error (caller frees) is one sentence. */
struct generation *generation_create(struct options *options, struct key_supply *keys, struct named_counts *rule_counts,
                                     char **error);
/* What options say of messages, without what ARC adds to it. */
struct verifier_policy generation_limits(const struct options *options);
struct generation *generation_acquire(struct generation *generation);
void generation_release(struct generation *generation); /* accepts NULL */
