/* http/stats_chart.h -- signatures over time as an SVG picture, made here: no script, prints, is read out by its label.
 * One column a point, stacked: failures at the bottom, others, passes on top, so that failures can be compared.
 * Colours come from the style sheet, by class. Appends to the caller's buffer; no I/O, clock or lock. */
#pragma once
#include "base/bytes.h"
#include "http/stats_view.h"
#include "verifier/phrase.h"

void stats_chart_write(struct bytes *out, const struct stats_point *points, size_t count, enum language language);
/* A bar of the parts of one count, 100 units wide; the numbers stand beside it, so it is hidden from readers of text. */
void stats_chart_bar(struct bytes *out, const uint64_t count[DOMAIN_RESULT_COUNT]);
