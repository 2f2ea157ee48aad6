/* http/form_data.h -- what a browser sends of a form: application/x-www-form-urlencoded (WHATWG URL section 5.1) and
 * multipart/form-data (RFC 7578) with its files. Values are octets, never texts of a charset. One pass; allocates into
 * room only, for the values of an urlencoded form; no I/O, clock or lock. Limits: FORM_DATA_FIELDS_MAX fields; parts of
 * parts are not looked into. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"
#include "base/span.h"

enum { FORM_DATA_FIELDS_MAX = 16 };

#define FORM_DATA_STATUSES(X)                                                                                          \
    X(FORM_DATA_OK, "a form")                                                                                          \
    X(FORM_DATA_OTHER_TYPE, "the content is no form")                                                                  \
    X(FORM_DATA_MALFORMED, "the form is cut off or has bad syntax")                                                    \
    X(FORM_DATA_TOO_MANY, "more than FORM_DATA_FIELDS_MAX fields")                                                     \
    X(FORM_DATA_NO_MEMORY, "room does not suffice")
#define X(id, text) id,
enum form_data_status { FORM_DATA_STATUSES(X) FORM_DATA_STATUS_COUNT };
#undef X
const char *form_data_status_text(enum form_data_status status);

struct form_field {
    struct span name, value;
    bool is_file; /* it came with a file's name, which is not kept */
};
struct form_data {
    size_t count;
    struct form_field field[FORM_DATA_FIELDS_MAX]; /* in order */
};

/* Reads body as content_type says. Spans of *out live in body and room. On any status but FORM_DATA_OK *out is empty.
 */
enum form_data_status form_data_read(struct span content_type, struct span body, struct bytes *room,
                                     struct form_data *out);
/* The first field of this name; NULL: there is none. */
const struct form_field *form_data_find(const struct form_data *form, const char *name);
struct span form_data_value(const struct form_data *form, const char *name); /* empty when there is none */
