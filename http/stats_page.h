/* http/stats_page.h -- the statistics for people: all signing domains in a table, and one domain with its keys. What they
 * show is a view (stats_view), taken before; every bar is a number as well, and colour never speaks alone.
 * Appends to the reply's body, whose failure is sticky; no I/O, clock or lock. */
#pragma once
#include "http/exchange.h"
#include "http/page.h"
#include "http/stats_view.h"

enum { STATS_PAGE_ROWS = 100, STATS_PAGE_REFRESH_S = 60 };

/* How the page was asked for, as its links ask again. */
struct stats_question {
    enum language language;
    enum stats_window window;
    enum stats_sort sort;
    bool refreshes;
};

/* At most STATS_PAGE_ROWS rows of view from index first on. */
void stats_page_write(const struct http_request *request, struct http_reply *reply, const struct stats_question *question,
                      const struct stats_view *view, size_t first);
void stats_domain_page_write(const struct http_request *request, struct http_reply *reply, const struct stats_question *question,
                             const struct stats_domain *domain);

/* --- what both are made of (stats_page_parts.c) --- */

/* "window=24h&amp;sort=fail&amp;refresh=60", for an address inside HTML. */
void stats_page_query(struct bytes *out, const struct stats_question *question);
/* The choice of windows, and of sorts where has_sorts. path: behind the language, "/stats". */
void stats_page_tools(struct bytes *out, const struct stats_question *question, struct span path, bool has_sorts);
/* The chart, what its colours mean, and its numbers. */
void stats_page_chart(struct bytes *out, const struct stats_question *question, const struct stats_point *points, size_t count);
void stats_page_causes(struct bytes *out, enum language language, const uint64_t cause[CAUSE_COUNT]);
void stats_page_states(struct bytes *out, enum language language, const uint64_t dnssec[DNSSEC_STATE_COUNT]);
/* Cells of a table whose rows become blocks where it is narrow, hence the label. A number without a bar, or with one. */
void stats_page_cell(struct bytes *out, enum language language, enum page_text label, const char *class_name);
void stats_page_count_cell(struct bytes *out, enum language language, enum page_text label, uint64_t count);
void stats_page_pass_cell(struct bytes *out, enum language language, const uint64_t count[DOMAIN_RESULT_COUNT]);
/* The heading row; columns with a number are those below numbers. */
void stats_page_heads(struct bytes *out, enum language language, const enum page_text *heads, size_t count, unsigned numbers);
void stats_page_watch(struct bytes *out, enum language language, unsigned watch); /* a list; nothing when there is none */
