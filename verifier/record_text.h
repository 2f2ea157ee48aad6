/* verifier/record_text.h -- one key record, judged for its owner tag by tag (RFC 6376 section 3.6.1): what is right,
 * what is wrong, and what to do. dkim_key decides what a verifier makes of the record; this explains it, and goes on
 * behind the first fault: quotes and missing semicolons are undone in thought, so that the key behind them is looked at
 * as well. Pure but for arena. Spans point into the text or the arena, which must outlive the record and its findings.
 * Cost: a few passes over the text, one public key made. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/span.h"
#include "verifier/dkim_key.h"
#include "verifier/finding.h"
#include "verifier/tag_list.h"

enum { RECORD_STRING_MAX = 255 }; /* octets of one character-string (RFC 1035 section 3.3) */

struct record_text {
    struct span text;    /* as published */
    struct span strings; /* lengths of its strings, an octet each; empty: not known */
    struct dkim_key key; /* what a verifier reads; key.key is NULL */
    bool usable;         /* it verifies signatures of mail with SHA-256 */
    bool foreign;        /* a record of something else: SPF, a site verification ... */
    struct span mended; /* the text without quotes and with the missing semicolons; equal to text when there are none */
    struct tag_list tags; /* of mended, those that are sound */
    char fingerprint[65]; /* SHA-256 of what p= holds, hexadecimal; empty when it is not readable */
};

/* Reads text. False: the arena is spent. */
bool record_text_read(struct span text, struct span strings, struct arena *arena, struct record_text *out);
/* Appends what there is to say about it. False: the arena is spent. */
bool record_text_judge(const struct record_text *record, struct arena *arena, struct finding_list *findings);

/* p= alone, as record_text_judge does; for its own part (record_key.c). */
bool record_key_judge(const struct record_text *record, struct arena *arena, struct finding_list *findings);
/* Decodes base64 text, white space skipped, into arena. False: the arena is spent; *out is empty when it is no base64.
 */
bool record_key_decode(struct span base64, struct arena *arena, struct span *out);
