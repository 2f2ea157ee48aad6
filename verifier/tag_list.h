/* verifier/tag_list.h -- split a DKIM tag-list into tags (RFC 6376 section 3.2).
 * Knows the shape of the list only; what v=, h= or p= mean belongs to dkim_signature and dkim_key.
 * Values may hold UTF-8: RFC 8616 lets d=, s= and i= hold U-labels and internationalized local parts, and key records
 * with notes (n=) in UTF-8 are in the wild. Which tags may really be anything but ASCII is the reader's business.
 * Pure: no allocation, I/O, clock or lock. One pass; name compares are bounded by TAG_LIST_MAX.
 * Limits: CR and LF count as white space wherever they stand. header_section has ended lines at CRLF only; whether a
 * bare CR or LF is fit for a field is decided by whoever reads the field. */
#pragma once
#include <stddef.h>
#include "base/span.h"

enum { TAG_LIST_MAX = 32 }; /* tags; RFC 6376 defines 14 for a signature and 7 for a key record */

#define TAG_LIST_STATUSES(X)                                                                                           \
    X(TAG_LIST_OK, "valid tag-list")                                                                                   \
    X(TAG_LIST_EMPTY, "no tag at all")                                                                                 \
    X(TAG_LIST_BAD_NAME, "tag name does not follow the grammar")                                                       \
    X(TAG_LIST_NO_EQUALS, "no = after the tag name")                                                                   \
    X(TAG_LIST_BAD_VALUE, "tag value holds a control octet or is not UTF-8")                                           \
    X(TAG_LIST_DUPLICATE, "tag name occurs twice")                                                                     \
    X(TAG_LIST_TOO_MANY, "more than TAG_LIST_MAX tags")
#define X(id, text) id,
enum tag_list_status { TAG_LIST_STATUSES(X) TAG_LIST_STATUS_COUNT };
#undef X
/* Static text for logs and result comments. */
const char *tag_list_status_text(enum tag_list_status status);

struct tag {
    struct span name, value; /* trimmed; an empty value differs from an absent tag */
    struct span raw_value;   /* all between the = and the ; or the end, white space included */
};
struct tag_list { size_t count; struct tag tag[TAG_LIST_MAX]; }; /* in order of appearance */

/* Parses text, which must outlive *out. On any status but TAG_LIST_OK, *out is an empty list and
 * *error_at the offset, in octets, at which the offending tag starts; on TAG_LIST_OK it is 0. */
enum tag_list_status tag_list_parse(struct span text, struct tag_list *out, size_t *error_at);
/* The tags of a broken list that are sound by themselves, the first of each name: for reports, never for a verdict. */
void tag_list_salvage(struct span text, struct tag_list *out);
/* The tag called name (case matters), owned by list; NULL when absent. */
const struct tag *tag_list_find_name(const struct tag_list *list, struct span name);
static inline const struct tag *tag_list_find(const struct tag_list *list, const char *name) {
    return tag_list_find_name(list, span_of(name));
}
