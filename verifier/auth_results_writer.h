/* verifier/auth_results_writer.h -- lay out an Authentication-Results field: units, folds, values, comments (RFC 8601
 * section 2.2, R-03). The one emitter of values: each is a token as it is, else a quoted-string, control octets dropped.
 * Knows no method; auth_results.c and auth_results_dkim.c say what is written. A unit is what a fold never cuts:
 * method=result, a word of a long comment, one name=value.
 * Pure but for the buffer, whose failure is sticky (bytes.h): look at it once, at the end. Limits: the enum below. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/bytes.h"
#include "verifier/auth_results_style.h"
#include "verifier/result.h"

enum {
    AUTH_RESULTS_UNIT_MAX = 448, /* octets of one name=value: room for every legal value, quoted; a longer one is left
                                    out, so that each kind of result fits into the field at least once */
};

struct auth_results_writer {
    struct bytes *out;
    struct bytes unit; /* the next unit, as it grows; released by the owner */
    enum auth_results_style style;
    size_t column;
    bool wants_line; /* the next unit starts a line */
};

/* A writer that goes on in out behind column octets of the line. */
struct auth_results_writer auth_results_writer_to(struct bytes *out, size_t column, enum auth_results_style style);

/* value as a token or quoted-string, without a blank before it, outside of all folding: for the authserv-id. */
void auth_results_put_bare_value(struct auth_results_writer *writer, struct span value);
/* method=result. */
void auth_results_put_method(struct auth_results_writer *writer, const char *method, enum auth_result result);
/* name=value; one without value, or longer than AUTH_RESULTS_UNIT_MAX, is left out: half a name would be another name. */
void auth_results_put_property(struct auth_results_writer *writer, const char *name, struct span value);
/* The same with A-labels where value is a legal domain name. */
void auth_results_put_name(struct auth_results_writer *writer, const char *name, struct span value);
/* The same for local-part@domain: A-labels behind the @, bare where the local-part is a token or absent (pvalue); UTF-8
 * is kept (RFC 8616). */
void auth_results_put_address(struct auth_results_writer *writer, const char *name, struct span value);
/* A semicolon; the next result starts a line. */
void auth_results_end_result(struct auth_results_writer *writer);

/* A comment: begin, facts, end. Facts are texts of ours, of letters, digits, blanks and . , - _ % : only; a comma is set
 * between them. One without facts is not written. */
void auth_results_begin_comment(struct auth_results_writer *writer);
void auth_results_add_fact(struct auth_results_writer *writer, const char *text);
void auth_results_add_count(struct auth_results_writer *writer, const char *before, uint64_t count, const char *after);
void auth_results_add_words(struct auth_results_writer *writer, const char *before, const char *after); /* one fact */
void auth_results_end_comment(struct auth_results_writer *writer);

/* Where the field stands, to come back to. */
struct auth_results_mark {
    size_t len, column;
    bool wants_line;
};
struct auth_results_mark auth_results_mark(const struct auth_results_writer *writer);
void auth_results_back_to(struct auth_results_writer *writer, struct auth_results_mark mark);
