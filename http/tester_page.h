/* http/tester_page.h -- the tester's pages: the front with its three doors, a test under way and done, a test that was
 * shared, the key records of a domain, and the page that says why not. Whole without script: a page that waits hands
 * over to one that is streamed, whose rows come as they are known; script, where there is some, listens to events
 * instead. Appends to the reply's body, whose failure is sticky; no I/O, clock or lock. */
#pragma once
#include "http/page.h"
#include "http/tester.h"

void tester_front_page_write(const struct http_request *request, struct http_reply *reply, enum language language,
                             const struct tester_setup *facts, bool was_deleted);
/* All of the test, as far as it is known. goes_live: whether, while nothing is known yet, browsers without script go on
 * to the streamed page. */
void tester_test_page_write(const struct http_request *request, struct http_reply *reply, enum language language,
                            const struct tester_setup *facts, const struct tester_view *view, bool goes_live);
/* Its beginning up to an open list, for tester_live_page. */
void tester_live_page_begin(struct http_reply *reply, enum language language, const struct tester_setup *facts,
                            const struct tester_view *view);
void tester_shared_page_write(const struct http_request *request, struct http_reply *reply, enum language language,
                              struct span share, const struct tester_view *view);

/* The beginning of a page about a domain, and the rest of it (of a struct tester_answer). query: how the page is asked
 * for in the other language; empty: it cannot be asked for so. */
void tester_domain_page_begin(struct http_reply *reply, enum language language, struct span domain, struct span query);
void tester_domain_page_write(struct bytes *out, const struct tester_report *report, enum language language);

void tester_problem_page_write(const struct http_request *request, struct http_reply *reply, enum language language,
                               unsigned status, enum page_text text);
