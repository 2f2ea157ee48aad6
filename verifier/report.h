/* verifier/report.h -- what all reports share: the words and sentences for people, in their language and colour, and
 * values of JSON that may be absent. Pure but for the buffer. Octets of the message are escaped; nothing of it is obeyed by a
 * terminal. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/json.h"
#include "verifier/phrase.h"
#include "verifier/result.h"

struct report_style {
    enum language language;
    bool colour;
};

enum report_phrase {
#define REPORT_PHRASE(id, en, fr) id,
#include "verifier/report_phrases.def"
#undef REPORT_PHRASE
    REPORT_PHRASE_COUNT
};
const struct phrase *report_phrase(enum report_phrase phrase);

/* key: value, or null when there is none. */
void report_write_optional(struct json *json, const char *key, struct span value);
void report_write_optional_number(struct json *json, const char *key, bool has, int64_t value);

/* Appends word, padded, in the colour of its meaning (green, yellow, red) where the style wants colour. */
enum report_mood { MOOD_GOOD, MOOD_DOUBTFUL, MOOD_BAD, MOOD_PLAIN };
void report_append_word(struct bytes *out, const char *word, enum report_mood mood, struct report_style style);
/* Appends "      Why: sentence\n" and the like; nothing when the sentence is empty in that language. */
void report_append_line(struct bytes *out, enum report_phrase head, const struct phrase *sentence,
                        struct report_style style, const struct phrase_value *values, size_t count);
enum report_mood report_mood_of(enum auth_result result);
