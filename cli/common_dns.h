/* cli/common_dns.h -- the source of DNS answers and keys that a command line asks for; one per thread, on its own loop.
 */
#pragma once
#include <stdbool.h>
#include "base/clock.h"
#include "base/loop.h"
#include "cli/common_options.h"
#include "verifier/key_cache.h"
#include "verifier/key_source.h"

struct cli_dns;

/* Builds it; loop, cache and clock are borrowed until destroy. NULL: a sentence was written. */
struct cli_dns *cli_dns_create(const struct cli_options *options, struct loop *loop, struct key_cache *cache,
                               const struct clock *clock);
void cli_dns_destroy(struct cli_dns *dns); /* accepts NULL; no request may wait any more */
struct key_source *cli_dns_keys(struct cli_dns *dns);
