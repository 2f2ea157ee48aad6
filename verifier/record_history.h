/* verifier/record_history.h -- what a filter has seen of a domain's selectors, and what follows for a rotation: the old
 * key stays in DNS for 7 days after the last message signed with it, and no key is for ever. Pure but for arena. */
#pragma once
#include <stdint.h>
#include "verifier/record_report.h"

enum { RECORD_KEEP_DAYS = 7, RECORD_OLD_MONTHS = 12, RECORD_HISTORY_MAX = 32 };

struct record_history {
    struct span selector;
    int64_t first_seen_s, last_seen_s; /* wall clock, of messages signed with it */
    uint64_t recent_failures;          /* messages of the last 7 days whose key was missing or revoked */
    struct span fingerprint;           /* of the key then, SHA-256 in hexadecimal or its start; empty: not known */
};

/* Judges count rows; those of selectors that are not in the report are left out. False: the arena is spent. */
bool record_history_judge(const struct record_history *history, size_t count, int64_t now_s,
                          const struct record_selector *selector, size_t selector_count, struct arena *arena,
                          struct finding_list *findings);
