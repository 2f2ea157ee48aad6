/* verifier/mime_coding.h -- content transfer encodings and character sets of text, back and forth (RFC 2045
 * sections 6.7 and 6.8), for trying out what a body was before a gateway converted it. Forgiving: what is no encoding
 * stays. Pure but for the buffer; one pass each. Text lines end in CRLF. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/span.h"

/* Each appends to out; failure is the buffer's. */
void mime_decode_quoted_printable(struct span text, struct bytes *out);
/* The way most mailers write it: soft breaks so that no line is longer than 76 characters. */
void mime_encode_quoted_printable(struct span text, struct bytes *out);
/* False: text is no base64. White space in it is skipped. */
bool mime_decode_base64(struct span text, struct bytes *out);
/* Lines of width characters, a CRLF behind each but the last. */
void mime_encode_base64(struct span octets, size_t width, struct bytes *out);

#define MIME_CONVERSIONS(X) /* id, what text was before, charset names before and after (for Content-Type) */          \
    X(MIME_FROM_LATIN1, "ISO-8859-1", "iso-8859-1", "utf-8")                                                           \
    X(MIME_FROM_CP1252, "windows-1252", "windows-1252", "utf-8")                                                       \
    X(MIME_FROM_UTF8, "UTF-8", "utf-8", "iso-8859-1")                                                                  \
    X(MIME_FROM_NFC, "composed UTF-8 (NFC)", "utf-8", "utf-8")                                                         \
    X(MIME_FROM_NFD, "decomposed UTF-8 (NFD)", "utf-8", "utf-8")
#define X(id, text, before, after) id,
enum mime_conversion { MIME_CONVERSIONS(X) MIME_CONVERSION_COUNT };
#undef X
const char *mime_conversion_text(enum mime_conversion conversion);
const char *mime_conversion_before(enum mime_conversion conversion);
const char *mime_conversion_after(enum mime_conversion conversion);
/* Appends what text was before it was converted. False: it cannot have been. NFC and NFD: letters of Latin-1 only. */
bool mime_unconvert(enum mime_conversion conversion, struct span text, struct bytes *out);
