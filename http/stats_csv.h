/* http/stats_csv.h -- the signing domains of a view as CSV (RFC 4180), for spreadsheets: one line a domain, then "other",
 * what has no line of its own. Appends to the caller's buffer, whose failure is sticky; no I/O, clock or lock. */
#pragma once
#include "base/bytes.h"
#include "http/stats_view.h"

void stats_csv_write(const struct stats_view *view, struct bytes *out);
