#include "cli/common_stage.h"

enum { CACHE_OCTETS = 1 << 16 };

const struct clock *cli_stage_clock(const struct cli_stage *stage, const struct cli_options *options) {
    return options->has_now ? &stage->fixed.clock : &clock_system;
}

bool cli_stage_build(struct cli_stage *stage, const struct cli_options *options) {
    *stage = (struct cli_stage){.fixed = clock_fixed_at(options->now_s)};
    const struct clock *clock = cli_stage_clock(stage, options);
    stage->loop = loop_create();
    if (stage->loop != NULL) stage->budget = loop_timer_create(stage->loop, cli_stage_done, stage);
    stage->cache = key_cache_create(CACHE_OCTETS, 0, clock);
    if (stage->budget == NULL || stage->cache == NULL) {
        cli_complain("out of memory or descriptors");
        return false;
    }
    stage->dns = cli_dns_create(options, stage->loop, stage->cache, clock);
    return stage->dns != NULL;
}

void cli_stage_release(struct cli_stage *stage) {
    cli_dns_destroy(stage->dns);
    key_cache_destroy(stage->cache);
    loop_timer_destroy(stage->budget);
    loop_destroy(stage->loop);
}

void cli_stage_done(void *owner) {
    struct cli_stage *stage = owner;
    loop_stop(stage->loop);
}

void cli_stage_wait(struct cli_stage *stage, int64_t budget_ms) {
    loop_timer_start(stage->budget, budget_ms);
    if (!loop_run(stage->loop)) cli_complain("the event loop failed");
}
