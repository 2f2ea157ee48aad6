/* cli/common_stage.h -- what a verb asks one question of the DNS on: a loop, the answers that the command line asks
 * for, and a limit of time. */
#pragma once
#include "base/clock.h"
#include "base/loop.h"
#include "cli/common_dns.h"

struct cli_stage { /* common_stage.c's own, but for dns */
    struct clock_fixed fixed;
    struct loop *loop;
    struct loop_timer *budget;
    struct key_cache *cache;
    struct cli_dns *dns;
};

/* Builds it. False: a sentence was written. Release in any case. stage must not be moved. */
bool cli_stage_build(struct cli_stage *stage, const struct cli_options *options);
void cli_stage_release(struct cli_stage *stage);
const struct clock *cli_stage_clock(const struct cli_stage *stage, const struct cli_options *options);
/* The answer is there: owner is the stage; what checks call when they are done. */
void cli_stage_done(void *stage);
/* Waits for cli_stage_done, or until budget_ms have passed. */
void cli_stage_wait(struct cli_stage *stage, int64_t budget_ms);
