/* verifier/dns_client.h -- a worker's end of the way to the resolver thread: a DNS source that asks by mailbox.
 * Made by dns_thread_client. Each question has a deadline of its own, so that a resolver that is stuck or gone costs
 * DNS_TIMEOUT and never holds up mail (security.md R-20); what comes later than that is dropped.
 * Thread rule: create anywhere; all else on the thread of the client's loop, or while nobody runs it.
 * Limits: DNS_CLIENT_QUERIES_MAX questions under way; one more gets DNS_SERVFAIL at once. */
#pragma once
#include <stdint.h>
#include "verifier/dns.h"

struct loop;
struct mailbox;
struct dns_client;

enum { DNS_CLIENT_QUERIES_MAX = 8192 };
/* The place of a question among those under way, from its id; below DNS_CLIENT_QUERIES_MAX when a client made the
 * id. */
static inline uint64_t dns_client_slot(uint64_t id) { return id & 0xffff; }

/* questions is borrowed; number is what the resolver knows the client by. NULL: no memory. */
struct dns_client *dns_client_create(struct loop *loop, struct mailbox *questions, uint16_t number,
                                     int64_t deadline_ms);
/* Always answers later, or DNS_SERVFAIL at once. */
struct dns_source *dns_client_source(struct dns_client *client);
struct mailbox *dns_client_answers(struct dns_client *client); /* where the resolver posts answers */
/* Drops the questions under way, which are never answered, leaves the loop alone from now on, and tells the resolver,
 * who may free the client at once: it must not be used any more. Accepts NULL. */
void dns_client_close(struct dns_client *client);
/* For dns_thread only: a closed one, or one whose loop is gone, when nobody posts answers any more. Accepts NULL. */
void dns_client_destroy(struct dns_client *client);
