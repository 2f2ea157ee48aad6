#include "http/stats_recall.h"
#include <arpa/inet.h>
#include <stdio.h>
#include "http/stats_view.h"

enum { KEY_NAME_ROOM = 400, WEEK_S = 7 * 24 * 3600 };

/* ---- A message ---- */

static struct span name_of(struct span selector, struct span domain, struct arena *arena) {
    char text[KEY_NAME_ROOM];
    int len = snprintf(text, sizeof text, "%.*s._domainkey.%.*s", (int)selector.len, selector.ptr, (int)domain.len,
                       domain.ptr);
    return len > 0 && (size_t)len < sizeof text ? arena_copy(arena, (struct span){text, (size_t)len})
                                                : (struct span){NULL, 0};
}

static struct span write_address(const uint8_t address[16], struct arena *arena) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN];
    bool is_v4 = memcmp(address, mapped, sizeof mapped) == 0;
    if (inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? address + sizeof mapped : address, text, sizeof text) == NULL)
        return (struct span){NULL, 0};
    return arena_copy(arena, span_of(text));
}

static void recall_keys(struct domain_stats *stats, struct span domain, struct arena *arena,
                        struct diagnosis_seen_key *keys, size_t *count, struct diagnosis_seen *out) {
    struct stats_domain seen;
    if (stats_domain_take(stats, domain, STATS_7D, &seen) != STATS_FOUND) return;
    for (size_t i = 0; i < seen.selector_count; i++) {
        const struct stats_selector *selector = &seen.selectors[i];
        struct diagnosis_seen_key *key = &keys[*count];
        if (!selector->has_fingerprint) continue;
        *key = (struct diagnosis_seen_key){
            name_of(selector->selector, seen.domain, arena), {0}, selector->count[DOMAIN_PASS]};
        memcpy(key->fingerprint, selector->fingerprint, sizeof key->fingerprint);
        *count += key->name.len > 0;
    }
    if (seen.failures_through > out->failures_through) {
        out->failures = out->failures_through = seen.failures_through;
        out->through = write_address(seen.through, arena);
    }
    stats_domain_release(&seen);
}

static void recall_all(struct domain_stats *stats, struct diagnosis_seen *out) {
    struct stats_view view;
    if (!stats_view_take(stats, STATS_1H, STATS_BY_MESSAGES, &view)) return;
    out->signatures = domain_counts_sum(view.total);
    for (unsigned cause = CAUSE_BODY_APPENDED; cause <= CAUSE_BODY_OTHER; cause++)
        out->body_failures += view.cause[cause];
    out->domains = view.row_count;
    for (size_t i = 0; i < view.row_count; i++)
        out->failing_domains += view.rows[i].count[DOMAIN_FAIL] > view.rows[i].count[DOMAIN_PASS];
    stats_view_release(&view);
}

static bool comes_earlier(const struct message_result *result, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (span_equal(result->dkim[i].domain_ascii, result->dkim[at].domain_ascii)) return true;
    return false;
}

void stats_recall_message(struct domain_stats *stats, const struct message_result *result, struct arena *arena,
                          struct diagnosis_seen *out) {
    struct diagnosis_seen_key *keys = NULL;
    size_t domains = 0;
    bool body_changed = false;
    *out = (struct diagnosis_seen){.key_count = 0};
    if (stats != NULL) keys = arena_alloc(arena, RECALL_DOMAINS_MAX * STATS_SELECTORS_MAX * sizeof *keys);
    if (keys == NULL) return;
    out->key = keys;
    for (size_t i = 0; i < result->dkim_count; i++) {
        const struct dkim_result *dkim = &result->dkim[i];
        body_changed |= dkim->body_part == PART_CHANGED;
        if (dkim->result == RESULT_PASS || dkim->domain_ascii.len == 0 || comes_earlier(result, i)) continue;
        if (domains++ < RECALL_DOMAINS_MAX) recall_keys(stats, dkim->domain_ascii, arena, keys, &out->key_count, out);
    }
    if (body_changed) recall_all(stats, out);
}

/* ---- A domain ---- */

static struct span write_fingerprint(const uint8_t *fingerprint, struct arena *arena) {
    char text[2 * DIGEST_OCTETS + 1];
    for (size_t i = 0; i < DIGEST_OCTETS; i++) snprintf(text + 2 * i, 3, "%02x", fingerprint[i]);
    return arena_copy(arena, (struct span){text, 2 * DIGEST_OCTETS});
}

/* Keys come newest first: the first one with a fingerprint is the key of now. */
static bool fill_row(const struct stats_domain *seen, size_t first, struct arena *arena, struct record_history *row) {
    *row = (struct record_history){.selector = arena_copy(arena, seen->selectors[first].selector)};
    for (size_t i = first; i < seen->selector_count; i++) {
        const struct stats_selector *key = &seen->selectors[i];
        if (!span_equal(key->selector, seen->selectors[first].selector)) continue;
        if (key->last_seen_s > row->last_seen_s) row->last_seen_s = key->last_seen_s;
        if (key->revoked && key->first_seen_s >= seen->now_s - WEEK_S)
            row->recent_failures += domain_counts_sum(key->count);
        if (!key->has_fingerprint || row->fingerprint.len > 0) continue;
        row->fingerprint = write_fingerprint(key->fingerprint, arena);
        row->first_seen_s = key->first_seen_s;
    }
    if (row->fingerprint.len == 0) row->first_seen_s = seen->selectors[first].first_seen_s;
    uint64_t absent = seen->cause[CAUSE_KEY_MISSING], others = seen->count[STATS_7D][DOMAIN_OTHER];
    if (row->recent_failures == 0) row->recent_failures = absent < others ? absent : others;
    return row->selector.len > 0;
}

static bool is_first_of_selector(const struct stats_domain *seen, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (span_equal(seen->selectors[i].selector, seen->selectors[at].selector)) return false;
    return true;
}

size_t stats_recall_domain(struct domain_stats *stats, struct span domain, struct arena *arena,
                           const struct record_history **rows) {
    struct record_history *history = arena_alloc(arena, STATS_SELECTORS_MAX * sizeof *history);
    struct stats_domain seen;
    size_t count = 0;
    *rows = history;
    if (stats == NULL || history == NULL || stats_domain_take(stats, domain, STATS_7D, &seen) != STATS_FOUND) return 0;
    for (size_t i = 0; i < seen.selector_count; i++)
        if (is_first_of_selector(&seen, i) && fill_row(&seen, i, arena, &history[count])) count++;
    stats_domain_release(&seen);
    return count;
}
