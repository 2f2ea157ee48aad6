/* http/api.h -- the JSON of /api/v1/ that says nothing of mail (that is api_stats), without HTTP around it. Within v1 only
 * additions are made. Allocates into the caller's buffer; any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/bytes.h"
#include "base/json.h"
#include "http/exposition.h"

/* {"name":"sceau","version","revision","openssl","unbound"}: null where it is not known. */
bool api_write_version(const struct build_info *build, struct bytes *out);
/* RFC 9457: {"type":"about:blank","title","status","detail"}, and "where" unless it is NULL. */
bool api_write_problem(unsigned status, const char *title, const char *detail, const char *where, struct bytes *out);
/* "key": the wall clock as RFC 3339, UTC; null for 0. */
void api_write_time(struct json *json, const char *key, int64_t time_s);
