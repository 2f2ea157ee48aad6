#include "base/clock.h"
#include <stddef.h>
#include <time.h>

static int64_t system_unix_s(const struct clock *clock) {
    (void)clock;
    return (int64_t)time(NULL);
}

static int64_t system_monotonic_us(const struct clock *clock) {
    (void)clock;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

const struct clock clock_system = {system_unix_s, system_monotonic_us};

static int64_t fixed_unix_s(const struct clock *clock) { return ((const struct clock_fixed *)(const void *)clock)->unix_s; }

static int64_t fixed_monotonic_us(const struct clock *clock) {
    return ((const struct clock_fixed *)(const void *)clock)->monotonic_us;
}

struct clock_fixed clock_fixed_at(int64_t unix_s) {
    return (struct clock_fixed){.clock = {fixed_unix_s, fixed_monotonic_us}, .unix_s = unix_s};
}
