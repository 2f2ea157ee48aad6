/* proxy/tester_supply.h -- keys and DNS for the tester's desk: the same cache and resolver that mail has, whatever
 * configuration is in use. The desk keeps one client of them on its own thread, and takes a new one after a reload.
 * Thread rule: use and destroy from main; the resolver's calls come from the desk's thread; one lock. */
#pragma once
#include "http/tester.h"

struct key_supply;
struct tester_supply;

struct tester_supply *tester_supply_create(struct metrics *metrics); /* NULL: no memory; metrics is borrowed */
/* For the desk's setup; works once a supply is in use, until destroy. */
struct tester_resolver tester_supply_resolver(struct tester_supply *supply);
/* From now on keys come from here, which runs already; acquired. */
void tester_supply_use(struct tester_supply *supply, struct key_supply *keys);
/* When the desk is gone. Accepts NULL. */
void tester_supply_destroy(struct tester_supply *supply);
