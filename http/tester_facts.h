/* http/tester_facts.h -- rows of a list of facts about DNS records, for pages that show a domain: a name and its value,
 * text to be copied, a way of aliases, what DNSSEC says and for how long. Octets from outside are escaped. Appends to
 * the caller's buffer, whose failure is sticky; no I/O, clock or lock. */
#pragma once
#include "http/page.h"
#include "http/tester_rows.h"

/* A colon as the language sets it, on the line of what it follows. */
void tester_fact_colon(struct bytes *out, enum language language);
/* One line of its own with a mark in front: how something stands. detail: behind it; PAGE_TEXT_COUNT: nothing. */
void tester_fact_state(struct bytes *out, enum language language, enum tester_mood mood, enum page_text text,
                       enum page_text detail);
/* "<dt>name</dt><dd>"; whoever writes the value ends it. */
void tester_fact_begin(struct bytes *out, enum language language, enum page_text name);
/* A whole row with text that a person may want in another window: with a button that only script shows. id and what
 * together are an id that stands nowhere else in the page. */
void tester_fact_copied(struct bytes *out, enum language language, enum page_text name, struct span text,
                        const char *id, const char *what);
/* The hops of a way of aliases, with the TTL of each; ttl_s NULL: they are not published. Nothing without hops. */
void tester_fact_hops(struct bytes *out, enum language language, const struct span *cname, const uint32_t *ttl_s,
                      size_t count);
/* DNSSEC, the resolver's reason, and the TTL; none where DNS failed. */
void tester_fact_dns(struct bytes *out, enum language language, enum dnssec_state state, struct span reason,
                     bool has_ttl, uint32_t ttl_s);
