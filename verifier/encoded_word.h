/* verifier/encoded_word.h -- undo encoded-words (RFC 2047) the way the most forgiving reader does.
 * For those who must know what a reader might see: encoded-words are found anywhere, also inside other text; white
 * space between two of them is dropped; octets are not converted from the charset they claim. Broken ones stay as they
 * are. Pure but for the buffer. Cost: one pass. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/span.h"

/* Does text hold anything that may be an encoded-word? */
bool encoded_word_present(struct span text);
/* Appends text with its encoded-words undone: never more octets than text has. False: out lacks room, or no memory. */
bool encoded_word_decode(struct span text, struct bytes *out);
