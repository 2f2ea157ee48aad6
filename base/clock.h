/* base/clock.h -- the time, passed in so that tests and --now can set it.
 * unix_s is the wall clock in seconds; monotonic_us never goes back and starts anywhere.
 * Thread rule: clock_system may be used from any thread; a struct clock_fixed belongs to whoever set it. */
#pragma once
#include <stdint.h>

struct clock {
    int64_t (*unix_s)(const struct clock *clock);
    int64_t (*monotonic_us)(const struct clock *clock);
};

extern const struct clock clock_system;

/* Wall clock stands still at unix_s, monotonic time too until the owner changes the fields. */
struct clock_fixed {
    struct clock clock; /* first: a pointer to it is a pointer to the whole */
    int64_t unix_s, monotonic_us;
};
struct clock_fixed clock_fixed_at(int64_t unix_s);

static inline int64_t clock_unix_s(const struct clock *clock) { return clock->unix_s(clock); }
static inline int64_t clock_monotonic_us(const struct clock *clock) { return clock->monotonic_us(clock); }
