/* bench_arc.c -- what ARC chains cost: validated with warm keys, whole message included, and one more set sealed.
 * Chains of our own making, rsa-sha256 with 2048 bits and ed25519-sha256, a body of 2 KiB; CPU time, medians. */
#include <stdio.h>
#include <stdlib.h>
#include "bench/chain.h"
#include "bench/measure.h"

enum { SETS_MAX = 50 };

struct task {
    struct chain *chain;
    bool all_passed;
};

static void validate_once(void *context, size_t i) {
    struct task *task = context;
    (void)i;
    if (chain_validate(task->chain)->result == RESULT_FAIL) task->all_passed = false;
}

static void seal_once(void *context, size_t i) {
    struct task *task = context;
    (void)i;
    chain_seal(task->chain);
}

static void print_table(struct measure_plan plan, bool is_rsa) {
    static const unsigned shown[] = {0, 1, 2, 3, 5, 10, SETS_MAX};
    struct task task = {.chain = chain_create(is_rsa), .all_passed = true};
    unsigned sets = 0;
    printf("\n%s\n  sets  octets  validate us  spread   seal us\n",
           is_rsa ? "rsa-sha256, 2048 bits" : "ed25519-sha256");
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        while (sets < shown[i]) chain_grow(task.chain), sets++;
        struct work works[] = {{validate_once, &task}, {seal_once, &task}};
        struct measured measured[2] = {{.median_us = 0}, {.median_us = 0}};
        chain_validate(task.chain); /* before it is sealed */
        measure(plan, works, sets < SETS_MAX ? 2 : 1, measured);
        const struct arc_result *arc = chain_validate(task.chain);
        if (!task.all_passed || arc->sets != sets || (sets > 0 && !arc->has_oldest_pass)) {
            fprintf(stderr, "bench_arc: a chain did not pass\n");
            exit(1);
        }
        printf("%6u %7zu %12.1f %6.1f%%", sets, chain_octets(task.chain).len, measured[0].median_us,
               measured_spread_percent(&measured[0]));
        if (sets < SETS_MAX) printf(" %9.1f\n", measured[1].median_us);
        else printf("         -\n"); /* a full chain takes no more */
        fflush(stdout);
        if (plan.json != NULL)
            fprintf(plan.json, "{\"arc_keys\":\"%s\",\"sets\":%u,\"validate_us\":%.2f,\"validate_spread_percent\":%.1f}\n",
                    is_rsa ? "rsa2048" : "ed25519", sets, measured[0].median_us, measured_spread_percent(&measured[0]));
    }
    chain_destroy(task.chain);
}

int main(int argc, char **argv) {
    struct measure_plan plan = measure_plan_of(argc, argv);
    printf(
        "ARC chains, one core: CPU microseconds to validate a message with a chain (warm keys, all seals and message\n"
        "signatures) and to seal it once more; median of %u rounds.\n",
        plan.rounds);
    print_table(plan, true);
    print_table(plan, false);
    return plan.json == NULL || fclose(plan.json) == 0 ? 0 : 1;
}
