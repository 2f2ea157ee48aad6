#include "bench/histogram.h"

/* The highest HISTOGRAM_STEP_BITS + 1 bits of a duration name its bucket. */
static unsigned bucket_of(uint64_t us) {
    if (us < HISTOGRAM_STEPS) return (unsigned)us;
    unsigned shift = 63u - (unsigned)__builtin_clzll(us) - HISTOGRAM_STEP_BITS;
    return shift * HISTOGRAM_STEPS + (unsigned)(us >> shift);
}

static uint64_t end_of(unsigned bucket) {
    if (bucket < 2 * HISTOGRAM_STEPS) return bucket;
    unsigned shift = bucket / HISTOGRAM_STEPS - 1;
    return (((uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS) + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t us) {
    histogram->bucket[bucket_of(us)]++;
    histogram->count++;
    if (us > histogram->most_us) histogram->most_us = us;
}

uint64_t histogram_quantile_us(const struct histogram *histogram, double share) {
    double wanted = share * (double)histogram->count;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && histogram->count > 0; i++) {
        seen += histogram->bucket[i];
        if (histogram->bucket[i] > 0 && (double)seen >= wanted) return end_of(i) < histogram->most_us ? end_of(i) : histogram->most_us;
    }
    return histogram->most_us;
}
