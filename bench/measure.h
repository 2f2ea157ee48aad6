/* bench/measure.h -- CPU time of repeated work, in interleaved rounds with median and spread.
 * CPU time of the calling thread, not wall time: other work on the machine counts for nothing but its cache misses. */
#pragma once
#include <stddef.h>
#include <stdio.h>

enum { MEASURE_ROUNDS_MAX = 64 };

struct measure_plan {
    unsigned rounds;
    double round_ms;
    FILE *json; /* where figures go as well, one JSON object a line; NULL: nowhere */
};
/* The plan for a command line, [--quick] [--json FILE]: few short rounds with --quick, else many. */
struct measure_plan measure_plan_of(int argc, char **argv);

struct measured {
    double median_us, least_us, most_us; /* CPU time of one call */
    double to_last;                      /* median over the rounds of how many times the last work's it is */
};

/* One kind of work: run(context, i) is called with i = 0, 1, 2, ... */
struct work { void (*run)(void *context, size_t i); void *context; };

/* Calls each work by turns, round after round (A B C, A B C, ...), so that a change of the machine's speed hits all of
 * them; a round is as many calls as take round_ms. out: one for each work. */
void measure(struct measure_plan plan, const struct work *works, size_t count, struct measured *out);
/* Half the distance between least and most, in per cent of the median. */
double measured_spread_percent(const struct measured *measured);
