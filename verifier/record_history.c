#include "verifier/record_history.h"
#include <stdio.h>
#include <time.h>

enum { DAY_S = 86400, MONTH_S = 2629746 /* a twelfth of a mean year */ };

static const struct record_selector *find(const struct record_selector *selector, size_t count, struct span name) {
    for (size_t i = 0; i < count; i++)
        if (span_equal_nocase(selector[i].selector, name)) return &selector[i];
    return NULL;
}

/* "2026-03-01", UTC; {NULL, 0}: the arena is spent. */
static struct span write_date(int64_t unix_s, struct arena *arena) {
    enum { DATE_MAX = 40 };
    struct tm utc = {0};
    time_t time = (time_t)unix_s;
    char *text = arena_alloc(arena, DATE_MAX);
    if (text == NULL || gmtime_r(&time, &utc) == NULL) return text != NULL ? span_of("?") : (struct span){NULL, 0};
    int len = snprintf(text, DATE_MAX, "%04d-%02d-%02d", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
    return (struct span){text, (size_t)len};
}

/* Was a message signed with another selector after the last one with this? */
static bool was_left(const struct record_history *history, size_t count, size_t row) {
    for (size_t i = 0; i < count; i++)
        if (i != row && history[i].last_seen_s > history[row].last_seen_s) return true;
    return false;
}

static bool is_same_key(const struct record_history *row, const struct record_selector *selector) {
    if (selector->record == NULL || row->fingerprint.len == 0) return false;
    struct span now = span_of(selector->record->fingerprint);
    return now.len >= row->fingerprint.len &&
           span_equal_nocase(span_first(now, row->fingerprint.len), row->fingerprint);
}

static bool judge_row(const struct record_history *history, size_t count, size_t row, int64_t now_s,
                      const struct record_selector *selector, struct arena *arena, struct finding_list *findings) {
    const struct record_history *seen = &history[row];
    int64_t keep_until_s = seen->last_seen_s + (int64_t)RECORD_KEEP_DAYS * DAY_S;
    bool is_gone = selector->state == RECORD_STATE_TO_SET || selector->state == RECORD_STATE_REVOKED;
    if (now_s < keep_until_s && is_gone) {
        struct finding *finding = finding_add(findings, FINDING_ROTATION_EARLY);
        finding_add_text(finding, "selector", seen->selector);
        finding_add_number(finding, "found", seen->recent_failures);
    } else if (now_s < keep_until_s && was_left(history, count, row)) {
        struct span last = write_date(seen->last_seen_s, arena), until = write_date(keep_until_s, arena);
        if (last.len == 0 || until.len == 0) return false;
        struct finding *finding = finding_add(findings, FINDING_ROTATION_KEEP);
        finding_add_text(finding, "selector", seen->selector);
        finding_add_text(finding, "found", last);
        finding_add_text(finding, "expected", until);
    }
    int64_t months = now_s > seen->first_seen_s ? (now_s - seen->first_seen_s) / MONTH_S : 0;
    if (months >= RECORD_OLD_MONTHS && is_same_key(seen, selector)) {
        struct finding *finding = finding_add(findings, FINDING_ROTATION_NEVER);
        finding->certainty = FINDING_GUESS;
        finding_add_text(finding, "selector", seen->selector);
        finding_add_number(finding, "found", (uint64_t)months);
    }
    return true;
}

bool record_history_judge(const struct record_history *history, size_t count, int64_t now_s,
                          const struct record_selector *selector, size_t selector_count, struct arena *arena,
                          struct finding_list *findings) {
    for (size_t i = 0; i < count; i++) {
        const struct record_selector *known = find(selector, selector_count, history[i].selector);
        if (known != NULL && !judge_row(history, count, i, now_s, known, arena, findings)) return false;
    }
    return true;
}
