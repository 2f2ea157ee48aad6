/* verifier/dns_thread.h -- the resolver's thread: one source of DNS answers for all workers.
 * Questions and answers go as octets (dns_parcel.h) through mailboxes, so that the thread can become a process. Workers
 * that ask for the same name and type share one lookup; who cancels leaves it, and the last to leave cancels it.
 * Counts every lookup in metrics: outcome, DNSSEC state, duration.
 * Order of life: loop, source, dns_thread_create, clients; then dns_client_close for each, dns_thread_destroy, source,
 * loop. Workers' loops may go once their client is closed.
 * Limits: DNS_CLIENTS_MAX clients at a time, with DNS_CLIENT_QUERIES_MAX questions each. */
#pragma once
#include <stdint.h>
#include "verifier/dns.h"
#include "verifier/dns_client.h"

struct loop;
struct metrics;
struct dns_thread;

enum { DNS_CLIENTS_MAX = 256 };

/* Starts a thread that runs loop, on which source lives; both are borrowed until dns_thread_destroy, and nobody else
 * touches them in the meantime. metrics is borrowed too; NULL: nothing is counted here. deadline_ms: when a client
 * gives a question up; let it be a little more than the source's own. NULL: no memory or no thread. */
struct dns_thread *dns_thread_create(struct loop *loop, struct dns_source *source, struct metrics *metrics,
                                     int64_t deadline_ms);
/* Ends the thread, cancels what it was asking, and frees the clients, all of which were closed. Accepts NULL. */
void dns_thread_destroy(struct dns_thread *thread);

/* A client for the thread that runs worker_loop, to be ended with dns_client_close; any thread may call. NULL: no
 * memory, or DNS_CLIENTS_MAX reached. */
struct dns_client *dns_thread_client(struct dns_thread *thread, struct loop *worker_loop);
