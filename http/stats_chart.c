#include "http/stats_chart.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "http/page.h"

enum { WIDTH = 672, HEIGHT = 140, LABEL = 34 }; /* 672 divides by 24, 168, and nearly by 60 */

static const char *const classes[] = {[DOMAIN_PASS] = "pass", [DOMAIN_FAIL] = "fail", [DOMAIN_OTHER] = "other"};
static const enum domain_result order[] = {DOMAIN_FAIL, DOMAIN_OTHER, DOMAIN_PASS}; /* from the bottom */

static uint64_t most_of(const struct stats_point *points, size_t count) {
    uint64_t most = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t sum = domain_counts_sum(points[i].count);
        if (sum > most) most = sum;
    }
    return most;
}

/* Where a count ends, from the top, in tenths; what is not nothing is seen. */
static unsigned top_of(uint64_t count, uint64_t most) {
    unsigned tenths = (unsigned)((double)count * HEIGHT * 10 / (double)most + 0.5);
    if (count > 0 && tenths < 10) tenths = 10;
    return HEIGHT * 10 - tenths;
}

/* All columns of one result as one path: absolute start, then right, down, left. */
static void write_layer(struct bytes *out, const struct stats_point *points, size_t count, uint64_t most, unsigned layer) {
    unsigned step = WIDTH * 10 / (unsigned)count, gap = count > 100 ? 5 : 10;
    bytes_append_format(out, "<path class=\"%s\" d=\"", classes[order[layer]]);
    for (size_t i = 0; i < count; i++) {
        uint64_t below = 0;
        for (unsigned j = 0; j < layer; j++) below += points[i].count[order[j]];
        uint64_t own = points[i].count[order[layer]];
        if (own == 0) continue;
        unsigned bottom = below > 0 ? top_of(below, most) : HEIGHT * 10, top = top_of(below + own, most), left = (unsigned)i * step;
        if (top >= bottom) top = bottom - 1;
        bytes_append_format(out, "M%u.%u %u.%uh%u.%uV%u.%uH%u.%uz", left / 10, left % 10, bottom / 10, bottom % 10,
                            (step - gap) / 10, (step - gap) % 10, top / 10, top % 10, left / 10, left % 10);
    }
    bytes_append_text(out, "\"/>");
}

static struct span time_text(char room[32], int64_t time_s) {
    time_t seconds = (time_t)time_s;
    struct tm utc;
    size_t len = gmtime_r(&seconds, &utc) != NULL ? strftime(room, 32, "%Y-%m-%d %H:%M", &utc) : 0;
    return (struct span){room, len};
}

static struct span number_text(char room[24], uint64_t number) {
    int len = snprintf(room, 24, "%llu", (unsigned long long)number);
    return (struct span){room, (size_t)len};
}

static void write_label(struct bytes *out, const struct stats_point *points, size_t count, uint64_t most, enum language language) {
    uint64_t sum[DOMAIN_RESULT_COUNT] = {0};
    char from[32], to[32], numbers[DOMAIN_RESULT_COUNT + 1][24];
    for (size_t i = 0; i < count; i++) domain_counts_add(sum, points[i].count);
    const struct phrase_value values[] = {
        {"from", time_text(from, points[0].start_s)},
        {"to", time_text(to, points[count - 1].start_s)},
        {"pass", number_text(numbers[0], sum[DOMAIN_PASS])},
        {"fail", number_text(numbers[1], sum[DOMAIN_FAIL])},
        {"other", number_text(numbers[2], sum[DOMAIN_OTHER])},
        {"most", number_text(numbers[3], most)},
    };
    page_say_with(out, language, STATS_CHART, values, sizeof values / sizeof *values);
}

static void write_axis(struct bytes *out, const struct stats_point *points, size_t count, uint64_t most, enum language language) {
    char room[32];
    bytes_append_format(out, "<path class=\"axis\" d=\"M0 %d.5h%d\"/><text x=\"0\" y=\"%d\">", HEIGHT, WIDTH, HEIGHT + LABEL - 8);
    html_text(out, time_text(room, points[0].start_s));
    bytes_append_format(out, "</text><text class=\"end\" x=\"%d\" y=\"%d\">", WIDTH, HEIGHT + LABEL - 8);
    html_text(out, time_text(room, points[count - 1].start_s));
    bytes_append_text(out, "</text><text class=\"most\" x=\"0\" y=\"-5\">");
    html_count(out, most, language);
    bytes_append_text(out, "</text>");
}

void stats_chart_write(struct bytes *out, const struct stats_point *points, size_t count, enum language language) {
    uint64_t most = most_of(points, count);
    if (count == 0 || most == 0) return;
    bytes_append_format(out, "<svg class=\"chart\" role=\"img\" viewBox=\"0 -26 %d %d\" aria-label=\"", WIDTH, HEIGHT + LABEL + 26);
    write_label(out, points, count, most, language);
    bytes_append_text(out, "\">");
    for (unsigned layer = 0; layer < DOMAIN_RESULT_COUNT; layer++) write_layer(out, points, count, most, layer);
    write_axis(out, points, count, most, language);
    bytes_append_text(out, "</svg>\n");
}

void stats_chart_bar(struct bytes *out, const uint64_t count[DOMAIN_RESULT_COUNT]) {
    static const enum domain_result from_left[] = {DOMAIN_PASS, DOMAIN_OTHER, DOMAIN_FAIL};
    uint64_t all = domain_counts_sum(count), before = 0;
    if (all == 0) return;
    bytes_append_text(out, "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for (unsigned i = 0; i < DOMAIN_RESULT_COUNT; i++) {
        uint64_t own = count[from_left[i]];
        double left = (double)before * 100 / (double)all, width = (double)own * 100 / (double)all;
        before += own;
        if (own > 0) bytes_append_format(out, "<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" height=\"8\"/>", classes[from_left[i]], left, width);
    }
    bytes_append_text(out, "</svg>");
}
