/* base/base64.h -- base64 in and out (RFC 4648 section 4; with white space the base64string of RFC 6376 section 2.10).
 * Decoding is strict: padding must be there and right, nothing may follow it, no character outside the alphabet. One
 * thing is let pass, as other verifiers do: the unused bits of the last character need not be zero (RFC 4648 section 3.5
 * allows either), since they change no octet of the result.
 * Pure: no allocation (but for the encoder's buffer), I/O, clock or lock. One pass, a table look-up per character. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/span.h"

#define BASE64_STATUS(X)                                                                                               \
    X(BASE64_OK, "valid base64")                                                                                       \
    X(BASE64_BAD_CHARACTER, "character outside the base64 alphabet")                                                   \
    X(BASE64_BAD_PADDING, "wrong base64 padding, or something after it")                                               \
    X(BASE64_CUT_OFF, "base64 ends inside a group of four characters")                                                 \
    X(BASE64_NO_ROOM, "more octets than there is room for")
#define X(id, text) id,
enum base64_status { BASE64_STATUS(X) };
#undef X

/* What space, tab, CR and LF are, anywhere in the text: errors, or skipped (b=, bh= and p= may be folded). */
enum base64_space { BASE64_SPACE_REFUSED, BASE64_SPACE_SKIPPED };

/* Room that is enough for any text of that length. */
static inline size_t base64_decoded_max(size_t text_len) { return text_len / 4 * 3; }

/* Decodes text into out, which has room octets. *len: octets written, 0 on any status but BASE64_OK (out may have been
 * written to all the same). Empty text is valid and gives 0 octets. */
enum base64_status base64_decode(struct span text, enum base64_space space, uint8_t *out, size_t room, size_t *len);
/* Appends the padded encoding of octets, without line breaks; false as bytes_append. */
bool base64_encode(struct bytes *out, struct span octets);
/* Static text for logs and result comments. */
const char *base64_status_text(enum base64_status status);
