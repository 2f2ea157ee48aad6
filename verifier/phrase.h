/* verifier/phrase.h -- sentences for people, in French and English, with named places to fill.
 * The sentences stand in tables (code_texts.def, findings.def, report_phrases.def), both languages in one row.
 * Pure but for the buffer. Values may come from outside: what a terminal would obey or hide is escaped. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/span.h"

enum language { LANGUAGE_EN, LANGUAGE_FR, LANGUAGE_COUNT };
/* "en" or "fr" in any case, also with a territory behind it ("fr_CA.UTF-8"). */
bool language_parse(const char *word, enum language *out);

struct phrase {
    const char *text[LANGUAGE_COUNT];
}; /* "" where there is nothing to say */
struct phrase_value {
    const char *name;
    struct span value;
}; /* fills {name} */

/* Appends the sentence with its places filled; a place without a value keeps its braces. */
void phrase_append(struct bytes *out, const struct phrase *phrase, enum language language,
                   const struct phrase_value *values, size_t count);
/* Appends text for a terminal: valid UTF-8 as it is, but control octets, characters that turn the direction of writing
 * or are invisible, and octets that are no UTF-8 as \xHH. */
void phrase_append_printable(struct bytes *out, struct span text);
