/* http/html.h -- text put into HTML: escaped, and numbers, shares and times as people of a language read them.
 * What html_text writes is harmless between tags and inside a quoted attribute, whatever came in: < > & " ' are
 * references, and what is no UTF-8, a control octet or a character that turns or hides text becomes U+FFFD.
 * Appends to the caller's buffer, whose failure is sticky; no I/O, clock or lock. Cost: one pass. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/span.h"
#include "verifier/phrase.h"

void html_text(struct bytes *out, struct span text);
/* The octets of the UTF-8 character that text, which is not empty, begins with (RFC 3629), 0 when it is none; *code is its
 * number. */
size_t html_character(struct span text, uint32_t *code);
/* Controls, and characters that hide text or change its direction: two texts that look alike should be alike. */
bool html_is_deceptive(uint32_t code);
const char *html_reference(uint32_t code); /* "&lt;"; NULL: the character stands for itself */
/* "1,204" or "1 204" (narrow no-break space). */
void html_count(struct bytes *out, uint64_t count, enum language language);
/* Part of whole in percent, rounded to a whole number: "94%" or "94 %"; "<1%" and ">99%" where rounding would say none or
 * all; "–" of nothing. */
void html_share(struct bytes *out, uint64_t part, uint64_t whole, enum language language);
/* A time element, in UTC to the minute; "–" for 0. */
void html_time(struct bytes *out, int64_t time_s);
