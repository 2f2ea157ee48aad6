/* cli/daemon_tester.h -- the daemon's tester, as its options want it: the desk, and where it has its keys from. Main thread. */
#pragma once
#include <stdbool.h>

struct daemon_tester;
struct domain_stats;
struct metrics;
struct options;
struct proxy;
struct tester;

/* metrics and domains are borrowed until close. NULL: no memory. */
struct daemon_tester *daemon_tester_open(const struct options *options, struct metrics *metrics,
                                         struct domain_stats *domains);
/* Before the proxy starts. */
void daemon_tester_serve(struct daemon_tester *tester, struct proxy *proxy);
/* Behind the proxy. False: no thread. Accepts NULL, and is true then. */
bool daemon_tester_start(struct daemon_tester *tester);
struct tester *daemon_tester_desk(struct daemon_tester *tester); /* NULL for NULL */
/* When nobody asks any more: HTTP and proxy are gone. Accepts NULL. */
void daemon_tester_close(struct daemon_tester *tester);
