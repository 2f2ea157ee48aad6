/* http/api_stats.h -- the JSON of /api/v1/stats and below: views of the statistics (stats_view), written out. The shapes
 * stand in docs/openapi.yaml, which a test holds against the running server. Counts are of signatures, numbers as numbers;
 * times are RFC 3339, UTC. Within v1 only additions are made.
 * Appends to the caller's buffer, whose failure is sticky; no I/O or lock. */
#pragma once
#include "base/bytes.h"
#include "http/stats_view.h"

enum { API_DOMAINS_LIMIT_DEFAULT = 100, API_DOMAINS_LIMIT_MAX = 1000 };

/* All domains together: totals, causes, DNSSEC, how many domains deserve a look, the window's minutes or hours. */
void api_write_stats(const struct stats_view *view, struct bytes *out);
/* At most limit rows from index first on, and the cursor of the page that follows, if there is one. */
void api_write_stats_domains(const struct stats_view *view, size_t first, size_t limit, struct bytes *out);
void api_write_stats_domain(const struct stats_domain *domain, struct bytes *out);
/* Why signatures did not pass, most frequent cause first. */
void api_write_stats_causes(const struct stats_view *view, struct bytes *out);
