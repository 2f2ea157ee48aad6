/* http/tester_live.h -- a test under way, for those who look at it: how the desk's events become what a page adds to
 * itself. With script as server-sent events, without as the rest of a page that has been begun. Called by the desk
 * (tester_writer); no I/O, clock or lock. */
#pragma once
#include "http/tester.h"

enum { TESTER_LIVE_PAGE_MAX = 1024 * 1024 }; /* octets of a page's rest that may wait to be sent */

/* Events "row" (a list that holds it, with the number of its message from 0), "report" and "end" (that number). */
extern const struct tester_writer tester_live_events[LANGUAGE_COUNT];
/* What follows an open list of rows: more rows, reports between lists; the end closes the page. */
extern const struct tester_writer tester_live_page[LANGUAGE_COUNT];
