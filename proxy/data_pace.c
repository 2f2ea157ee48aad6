#include "proxy/data_pace.h"
#include "base/options.h"

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t data_pace_wait_ms(const struct options *options, int64_t age_ms, uint64_t octets) {
    int64_t wait_ms = smaller(options->data_timeout_ms, options->data_total_timeout_ms - age_ms);
    if (options->data_rate_min > 0) {
        /* The age at which the average falls below the least rate when nothing more arrives. */
        int64_t too_old_ms = octets < INT64_MAX / 1000 ? (int64_t)octets * 1000 / options->data_rate_min : INT64_MAX / 2;
        if (too_old_ms < options->data_rate_grace_ms) too_old_ms = options->data_rate_grace_ms;
        wait_ms = smaller(wait_ms, too_old_ms - age_ms);
    }
    return wait_ms > 1 ? wait_ms : 1;
}
