/* verifier/mime_tree.h -- the leaf parts of a message body (RFC 2046 section 5.1), for those who look for what a server
 * on the way did to one of them. Never decides a verdict. Reads as the most forgiving reader does: what is not
 * understood is one leaf. Pure: fixed storage, no recursion, one pass over the lines. Spans point into the body or the
 * Content-Type value. Limits: 64 leaves, 8 levels; what lies beyond them belongs to the leaf before. */
#pragma once
#include <stdbool.h>
#include "base/span.h"

enum { MIME_LEAVES_MAX = 64, MIME_LEVELS_MAX = 8 };

enum mime_coding { MIME_IDENTITY, MIME_QUOTED_PRINTABLE, MIME_BASE64, MIME_UNKNOWN };

struct mime_leaf {
    struct span header;   /* of the part, with its line ends; empty for a body that is no multipart */
    struct span body;     /* without the line end that belongs to the delimiter */
    struct span type;     /* value of Content-Type, folded as it stands; may be empty */
    struct span encoding; /* value of Content-Transfer-Encoding, trimmed; may be empty */
    enum mime_coding coding;
    bool is_text, is_html; /* text/anything or no type at all; text/html */
};

struct mime_tree {
    size_t count; /* at least 1 */
    struct mime_leaf leaf[MIME_LEAVES_MAX];
    bool is_multipart;
    bool is_closed;           /* the outermost multipart has its closing delimiter; true when there is none */
    struct span first_header; /* header of the first part of the outermost multipart */
    struct span first_body;   /* its body, parts of its own included; empty: none */
};

/* type, encoding: the message's Content-Type and Content-Transfer-Encoding values, empty when absent. */
void mime_tree_read(struct span type, struct span encoding, struct span body, struct mime_tree *out);

/* The value of a parameter of a Content-Type value, without quotes; {NULL, 0} when absent. */
struct span mime_parameter(struct span value, const char *name);
/* The value of the field called name in a part's header, trimmed; {NULL, 0} when absent. */
struct span mime_header_value(struct span header, const char *name);
