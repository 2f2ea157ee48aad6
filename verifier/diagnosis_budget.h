/* verifier/diagnosis_budget.h -- what one diagnosis may cost: counted in octets and operations, not in time, so that
 * the same message gets the same answer on any machine however busy it is. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct diagnosis_budget {
    uint64_t octets;        /* hashed or written while trying what a body was; each hash's end counts as 256 */
    unsigned header_trials; /* header hashes compared with what an RSA signature gave back */
    unsigned verifications; /* public-key operations: Ed25519 trials, and those of other keys */
};
/* 2 ms and 50 ms for 100 kB of body on a processor with SHA instructions; see tests/ACCEPTANCE.md. */
extern const struct diagnosis_budget diagnosis_budget_filter, diagnosis_budget_tester;

/* Takes count octets off; false: they are not there any more, and nothing is left. */
static inline bool diagnosis_budget_take(struct diagnosis_budget *budget, uint64_t count) {
    bool enough = budget->octets >= count;
    budget->octets = enough ? budget->octets - count : 0;
    return enough;
}
