/* http/tester_tags.h -- a table of tags for people: name, value with what cannot be seen drawn, meaning. Appends to the
 * caller's buffer; no I/O, clock or lock. */
#pragma once
#include "http/page.h"
#include "http/tag_text.h"

void tester_tags_begin(struct bytes *out, enum language language);
void tester_tags_write(struct bytes *out, enum language language, enum tag_text_list list, struct span name,
                       struct span value);
void tester_tags_end(struct bytes *out);
/* The beginning of such a table with other columns. */
void tester_tags_heads(struct bytes *out, enum language language, const enum page_text *heads, size_t count);
