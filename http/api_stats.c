#include "http/api_stats.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/json.h"
#include "http/api.h"

static void write_results(struct json *json, const uint64_t count[DOMAIN_RESULT_COUNT]) {
    json_key_uint(json, "messages", domain_counts_sum(count));
    for (int i = 0; i < DOMAIN_RESULT_COUNT; i++)
        json_key_uint(json, domain_result_word((enum domain_result)i), count[i]);
}

static void write_results_object(struct json *json, const char *key, const uint64_t count[DOMAIN_RESULT_COUNT]) {
    json_key(json, key);
    json_object(json);
    write_results(json, count);
    json_object_end(json);
}

static void write_dnssec(struct json *json, const uint64_t count[DNSSEC_STATE_COUNT]) {
    json_key(json, "dnssec");
    json_object(json);
    for (int i = 0; i < DNSSEC_STATE_COUNT; i++) json_key_uint(json, dnssec_state_word((enum dnssec_state)i), count[i]);
    json_object_end(json);
}

struct cause_count {
    enum cause cause;
    uint64_t count;
};

static int by_count(const void *a, const void *b) {
    const struct cause_count *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->cause > y->cause) - (x->cause < y->cause);
}

/* Those that occurred, most frequent first. */
static void write_causes(struct json *json, const uint64_t count[CAUSE_COUNT]) {
    struct cause_count causes[CAUSE_COUNT];
    for (int i = 0; i < CAUSE_COUNT; i++) causes[i] = (struct cause_count){(enum cause)i, count[i]};
    qsort(causes, CAUSE_COUNT, sizeof *causes, by_count);
    json_key(json, "causes");
    json_array(json);
    for (int i = 0; i < CAUSE_COUNT && causes[i].count > 0; i++) {
        json_object(json);
        json_key_text(json, "cause", cause_word(causes[i].cause));
        json_key_uint(json, "count", causes[i].count);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_watch(struct json *json, unsigned watch) {
    json_key(json, "watch");
    json_array(json);
    for (int i = 0; i < STATS_WATCH_COUNT; i++)
        if ((watch & 1U << i) != 0) json_text(json, stats_watch_word((enum stats_watch)i));
    json_array_end(json);
}

static void write_points(struct json *json, const struct stats_point *points, size_t count) {
    json_key(json, "points");
    json_array(json);
    for (const struct stats_point *point = points; point < points + count; point++) {
        json_object(json);
        api_write_time(json, "start", point->start_s);
        write_results(json, point->count);
        json_object_end(json);
    }
    json_array_end(json);
}

/* Opens the answer's object. */
static struct json begin(const struct stats_view *view, struct bytes *out) {
    struct json json = json_writer(out);
    json_object(&json);
    json_key_text(&json, "window", stats_window_word(view->window));
    api_write_time(&json, "from", view->from_s);
    api_write_time(&json, "now", view->now_s);
    return json;
}

static void end(struct json *json) {
    json_object_end(json);
    bytes_append_char(json->out, '\n');
}

static void write_totals(struct json *json, const struct stats_view *view) {
    json_key_uint(json, "tracked", view->tracked);
    json_key_uint(json, "evicted", view->evicted);
    json_key_uint(json, "active", view->row_count);
    write_results_object(json, "total", view->total);
    write_results_object(json, "untracked", view->untracked);
}

void api_write_stats(const struct stats_view *view, struct bytes *out) {
    struct json json = begin(view, out);
    write_totals(&json, view);
    write_dnssec(&json, view->dnssec);
    write_causes(&json, view->cause);
    json_key(&json, "watch");
    json_object(&json);
    for (int i = 0; i < STATS_WATCH_COUNT; i++) {
        uint64_t domains = 0;
        for (size_t row = 0; row < view->row_count; row++) domains += view->rows[row].watch >> i & 1;
        json_key_uint(&json, stats_watch_word((enum stats_watch)i), domains);
    }
    json_object_end(&json);
    write_points(&json, view->points, view->point_count);
    end(&json);
}

static void write_row(struct json *json, const struct stats_row *row) {
    json_object(json);
    json_key_string(json, "domain", row->domain);
    write_results(json, row->count);
    api_write_time(json, "first_seen", row->first_seen_s);
    api_write_time(json, "last_seen", row->last_seen_s);
    json_key_text(json, "dnssec", row->has_dnssec ? dnssec_state_word(row->dnssec) : NULL);
    json_key_uint(json, "selectors", row->selectors);
    write_watch(json, row->watch);
    json_object_end(json);
}

void api_write_stats_domains(const struct stats_view *view, size_t first, size_t limit, struct bytes *out) {
    struct json json = begin(view, out);
    char cursor[STATS_CURSOR_MAX];
    size_t end_at = view->row_count - first > limit ? first + limit : view->row_count;
    json_key_text(&json, "sort", stats_sort_word(view->sort));
    write_totals(&json, view);
    json_key(&json, "domains");
    json_array(&json);
    for (size_t i = first; i < end_at; i++) write_row(&json, &view->rows[i]);
    json_array_end(&json);
    json_key(&json, "next");
    if (end_at > first && end_at < view->row_count)
        json_string(&json, (struct span){cursor, stats_view_cursor(view, end_at - 1, cursor)});
    else
        json_null(&json);
    end(&json);
}

static void write_selector(struct json *json, const struct stats_selector *selector) {
    char fingerprint[2 * DIGEST_OCTETS + 1];
    for (size_t i = 0; i < DIGEST_OCTETS; i++) snprintf(fingerprint + 2 * i, 3, "%02x", selector->fingerprint[i]);
    json_object(json);
    json_key_string(json, "selector", selector->selector);
    json_key_text(json, "fingerprint", selector->has_fingerprint ? fingerprint : NULL);
    json_key_text(json, "algorithm", key_algorithm_word(selector->algorithm));
    json_key_uint(json, "bits", selector->bits);
    json_key_bool(json, "testing", selector->testing);
    json_key_bool(json, "revoked", selector->revoked);
    json_key_bool(json, "old", selector->is_old);
    json_key_bool(json, "changed", selector->is_changed);
    json_key_text(json, "dnssec", dnssec_state_word(selector->dnssec));
    api_write_time(json, "first_seen", selector->first_seen_s);
    api_write_time(json, "last_seen", selector->last_seen_s);
    write_results(json, selector->count);
    json_object_end(json);
}

void api_write_stats_domain(const struct stats_domain *domain, struct bytes *out) {
    struct json json = json_writer(out);
    json_object(&json);
    json_key_string(&json, "domain", domain->domain);
    json_key_text(&json, "window", stats_window_word(domain->window));
    api_write_time(&json, "now", domain->now_s);
    api_write_time(&json, "first_seen", domain->first_seen_s);
    api_write_time(&json, "last_seen", domain->last_seen_s);
    json_key(&json, "windows");
    json_object(&json);
    for (int i = 0; i < STATS_WINDOW_COUNT; i++)
        write_results_object(&json, stats_window_word((enum stats_window)i), domain->count[i]);
    json_object_end(&json);
    write_dnssec(&json, domain->dnssec);
    write_causes(&json, domain->cause);
    write_watch(&json, domain->watch);
    json_key(&json, "selectors");
    json_array(&json);
    for (size_t i = 0; i < domain->selector_count; i++) write_selector(&json, &domain->selectors[i]);
    json_array_end(&json);
    write_points(&json, domain->points, domain->point_count);
    end(&json);
}

void api_write_stats_causes(const struct stats_view *view, struct bytes *out) {
    struct json json = begin(view, out);
    uint64_t sum = 0;
    for (int i = 0; i < CAUSE_COUNT; i++) sum += view->cause[i];
    json_key_uint(&json, "signatures", domain_counts_sum(view->total));
    json_key_uint(&json, "failures", sum);
    write_causes(&json, view->cause);
    end(&json);
}
