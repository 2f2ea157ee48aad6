/* verifier/report.h -- what was found out about one message, as a JSON object (design.md section 12) or as a few lines
 * for people: one line a check, the reason and the cure under what failed. Pure but for the buffer. Octets of the
 * message are escaped; nothing of it is obeyed by a terminal. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/json.h"
#include "verifier/phrase.h"
#include "verifier/result.h"

struct report_message {
    struct span file;      /* name for people; any octets */
    struct span our_field; /* the Authentication-Results field that we would write, with its final CRLF */
    struct span seal;      /* the fields of the ARC set that we would add, each with its final CRLF; may be empty */
    const struct message_result *result;
};

struct report_style {
    enum language language;
    bool colour;
};

/* Writes one object: file, size, dkim, arc, spf, dmarc, iprev, headers, action, findings. Methods that were not run are
 * null. */
void report_write_json(struct json *json, const struct report_message *message);
/* Appends the lines for people. */
void report_write_text(struct bytes *out, const struct report_message *message, struct report_style style);

/* Words and sentences, for the other reports. */
enum report_phrase {
#define REPORT_PHRASE(id, en, fr) id,
#include "verifier/report_phrases.def"
#undef REPORT_PHRASE
    REPORT_PHRASE_COUNT
};
const struct phrase *report_phrase(enum report_phrase phrase);
const struct phrase *report_code_why(enum dkim_code code);
const struct phrase *report_code_cure(enum dkim_code code);
/* Appends word, padded, in the colour of its meaning (green, yellow, red) where the style wants colour. */
enum report_mood { MOOD_GOOD, MOOD_DOUBTFUL, MOOD_BAD, MOOD_PLAIN };
void report_append_word(struct bytes *out, const char *word, enum report_mood mood, struct report_style style);
/* Appends "      Why: sentence\n" and the like; nothing when the sentence is empty in that language. */
void report_append_line(struct bytes *out, enum report_phrase head, const struct phrase *sentence,
                        struct report_style style, const struct phrase_value *values, size_t count);
