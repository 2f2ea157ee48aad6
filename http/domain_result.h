/* http/domain_result.h -- the three results that statistics of signing domains tell apart. Pure. */
#pragma once
#include "verifier/result.h"

#define DOMAIN_RESULTS(X) X(DOMAIN_PASS, "pass") X(DOMAIN_FAIL, "fail") X(DOMAIN_OTHER, "other")
#define X(id, word) id,
enum domain_result { DOMAIN_RESULTS(X) DOMAIN_RESULT_COUNT }; /* other: policy, neutral, errors */
#undef X
const char *domain_result_word(enum domain_result result);
enum domain_result domain_result_of(enum auth_result result);

/* Sums of counts, one a result; subtraction is modulo 2^64. */
static inline uint64_t domain_counts_sum(const uint64_t count[DOMAIN_RESULT_COUNT]) {
    return count[DOMAIN_PASS] + count[DOMAIN_FAIL] + count[DOMAIN_OTHER];
}
static inline void domain_counts_add(uint64_t to[DOMAIN_RESULT_COUNT], const uint64_t from[DOMAIN_RESULT_COUNT]) {
    for (unsigned i = 0; i < DOMAIN_RESULT_COUNT; i++) to[i] += from[i];
}
static inline void domain_counts_subtract(uint64_t to[DOMAIN_RESULT_COUNT], const uint64_t from[DOMAIN_RESULT_COUNT]) {
    for (unsigned i = 0; i < DOMAIN_RESULT_COUNT; i++) to[i] -= from[i];
}
