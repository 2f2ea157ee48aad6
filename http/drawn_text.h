/* http/drawn_text.h -- text with what cannot be seen drawn, as HTML: a blank as a middle dot, a tab as an arrow, the
 * end of a line as a pilcrow, controls and characters that hide or turn text by their names, octets that are no UTF-8
 * by their number. Drawn marks stand in <i> (white space) and <b> (names), so that a style sheet can tell them from
 * text. Whatever comes in, the result is harmless between tags. Appends to the caller's buffer, whose failure is
 * sticky; no I/O, clock or lock. Cost: one pass. */
#pragma once
#include "base/bytes.h"
#include "base/span.h"

void drawn_text_write(struct bytes *out, struct span text);
/* The same of a text that is too long to be shown whole: at most most octets of its beginning, or of its end, and an
 * ellipsis where it was cut; never in the middle of a character. */
void drawn_text_write_first(struct bytes *out, struct span text, size_t most);
void drawn_text_write_last(struct bytes *out, struct span text, size_t most);
