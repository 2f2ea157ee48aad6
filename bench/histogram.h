/* bench/histogram.h -- how often which duration was seen, in buckets that grow with it: quantiles of any number of samples in one size.
 * Below 64 us a bucket is one microsecond, above it at most 1/64 of what it counts, so quantiles are exact to 1.6 %.
 * Pure: no allocation, I/O, clock or lock; one thread at a time. Adding costs a few instructions. */
#pragma once
#include <stdint.h>

enum { HISTOGRAM_STEP_BITS = 6, HISTOGRAM_STEPS = 1 << HISTOGRAM_STEP_BITS, HISTOGRAM_BUCKETS = (64 - HISTOGRAM_STEP_BITS + 1) * HISTOGRAM_STEPS };

struct histogram { /* zeroed: empty */
    uint64_t count, most_us;
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t us);
/* The duration that the given share (0..1) of all samples does not exceed: the upper end of its bucket, never above most_us. Empty: 0. */
uint64_t histogram_quantile_us(const struct histogram *histogram, double share);
