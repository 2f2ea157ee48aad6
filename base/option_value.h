/* base/option_value.h -- numbers as a configuration writes them: "50MiB", "5s", "2000", "true".
 * Pure: no allocation, I/O, clock or lock; no locale. Limits: values of 0..INT64_MAX. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define OPTION_KINDS(X)                                                                                                \
    X(OPTION_SIZE, "a size: octets, or a number with KiB, MiB or GiB")                                                 \
    X(OPTION_DURATION, "a time: milliseconds, or a number with ms, s, min or h")                                       \
    X(OPTION_COUNT, "a number")                                                                                        \
    X(OPTION_FLAG, "true or false")
#define X(id, text) id,
enum option_kind { OPTION_KINDS(X) OPTION_KIND_COUNT };
#undef X
/* What a value of that kind looks like, for error texts. */
const char *option_kind_text(enum option_kind kind);

/* False: text is not of that kind, or too large; *out is then untouched. */
bool option_value_parse(enum option_kind kind, const char *text, int64_t *out);
/* The shortest text that parses to value (not negative), in the largest unit that divides it. */
enum { OPTION_VALUE_TEXT_MAX = 32 };
void option_value_format(enum option_kind kind, int64_t value, char out[OPTION_VALUE_TEXT_MAX]);
