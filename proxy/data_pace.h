/* proxy/data_pace.h -- how slow a client may be with the data of a message: limits.data_timeout between two
 * arrivals, limits.data_rate on average once limits.data_rate_grace is over, limits.data_total_timeout for all of it.
 * Pure. */
#pragma once
#include <stdint.h>

struct options;

/* How long, in milliseconds and at least 1, the client may stay silent now that the data is age_ms old and octets of it
 * are here. A limit that is overrun already gives 1. */
int64_t data_pace_wait_ms(const struct options *options, int64_t age_ms, uint64_t octets);
