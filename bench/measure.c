#include "bench/measure.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORKS_MAX = 8 };

struct measure_plan measure_plan_of(int argc, char **argv) {
    struct measure_plan plan = {.rounds = 15, .round_ms = 20};
    int at = 1;
    if (at < argc && strcmp(argv[at], "--quick") == 0) {
        plan = (struct measure_plan){.rounds = 5, .round_ms = 4};
        at++;
    }
    if (at + 1 < argc && strcmp(argv[at], "--json") == 0) {
        plan.json = fopen(argv[at + 1], "w");
        if (plan.json == NULL) perror(argv[at + 1]), exit(1);
        at += 2;
    }
    if (at == argc) return plan;
    fprintf(stderr, "usage: %s [--quick] [--json FILE]\n", argv[0]);
    exit(2);
}

static double cpu_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double time_calls(const struct work *work, size_t calls) {
    double start = cpu_us();
    for (size_t i = 0; i < calls; i++) work->run(work->context, i);
    return (cpu_us() - start) / (double)calls;
}

static size_t calls_for(const struct work *work, double round_ms) {
    size_t calls = 1;
    while (calls < 1u << 30 && time_calls(work, calls) * (double)calls < round_ms * 500) calls *= 2;
    double each_us = time_calls(work, calls);
    return each_us * (double)calls >= round_ms * 1000 ? calls : (size_t)(round_ms * 1000 / each_us) + 1;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void measure(struct measure_plan plan, const struct work *works, size_t count, struct measured *out) {
    double times[WORKS_MAX][MEASURE_ROUNDS_MAX];
    size_t calls[WORKS_MAX];
    for (size_t i = 0; i < count; i++) calls[i] = calls_for(&works[i], plan.round_ms);
    for (unsigned round = 0; round < plan.rounds; round++)
        for (size_t i = 0; i < count; i++) times[i][round] = time_calls(&works[i], calls[i]);
    for (size_t i = 0; i < count; i++) {
        double ratios[MEASURE_ROUNDS_MAX];
        for (unsigned round = 0; round < plan.rounds; round++) ratios[round] = times[i][round] / times[count - 1][round];
        qsort(ratios, plan.rounds, sizeof *ratios, by_size);
        out[i].to_last = ratios[plan.rounds / 2];
    }
    for (size_t i = 0; i < count; i++) {
        qsort(times[i], plan.rounds, sizeof *times[i], by_size);
        out[i].median_us = times[i][plan.rounds / 2];
        out[i].least_us = times[i][0];
        out[i].most_us = times[i][plan.rounds - 1];
    }
}

double measured_spread_percent(const struct measured *measured) {
    return (measured->most_us - measured->least_us) / 2 / measured->median_us * 100;
}
