/* http/tester_rows.h -- what the tester finds out, one row each: what was received, then for each signature itself, its
 * key, its header part and its body, then ARC, SPF and DMARC. The same rows come live, one an event, and stand in a
 * report. A row is a <li> with a mark, a word for those who do not see it, a label and a sentence; all on one line.
 * Appends to the caller's buffer, whose failure is sticky; no I/O, clock or lock. */
#pragma once
#include "http/page.h"
#include "http/tester.h"

/* How a row looks: a sign, a colour by its class, and a word; for lists of other modules, too. */
enum tester_mood { TESTER_GOOD, TESTER_BAD, TESTER_DOUBT, TESTER_PLAIN };
const char *tester_mood_word(enum tester_mood mood); /* of a class */
void tester_mark_write(struct bytes *out, enum language language, enum tester_mood mood);

/* The sentence of a finding (finding_sentence, finding_cure), its places filled. */
void tester_say_finding(struct bytes *out, enum language language, const struct finding *finding,
                        const struct phrase *phrase);
enum page_text tester_certainty_text(enum finding_class certainty);

/* All rows of a report about a message. */
void tester_rows_write(struct bytes *out, enum language language, const struct tester_report *report);

/* The row of an event; nothing of one that has none. */
void tester_rows_write_event(struct bytes *out, enum language language, const struct tester_event *event);
