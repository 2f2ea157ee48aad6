/* http/stats_recall.h -- what the statistics of signing domains remember, for those who judge one message or one
 * domain: the keys that stood at a selector before, how the mail of all domains fares (diagnosis_seen), and when which
 * selector signed (record_history). Copies into the caller's arena. Thread rule: any thread; takes domain_stats' lock
 * as stats_view does, once a domain and, for a message whose body was changed, once for all of them: 1 to 5 ms each.
 * Limits: RECALL_DOMAINS_MAX domains of a message, and what stats_view tells of each. */
#pragma once
#include "base/arena.h"
#include "http/domain_stats.h"
#include "verifier/diagnosis_seen.h"
#include "verifier/record_history.h"
#include "verifier/result.h"

enum { RECALL_DOMAINS_MAX = 4 };

/* What was seen of the signing domains of a message, and of all. stats NULL, no memory: *out is empty. */
void stats_recall_message(struct domain_stats *stats, const struct message_result *result, struct arena *arena,
                          struct diagnosis_seen *out);
/* One row a selector of domain, in any case and form: its first_seen_s is that of the key it has now. Failures are
 * those with a revoked key, and, as nobody told them apart by selector, all of the domain's for want of a key. Returns
 * how many. */
size_t stats_recall_domain(struct domain_stats *stats, struct span domain, struct arena *arena,
                           const struct record_history **rows);
