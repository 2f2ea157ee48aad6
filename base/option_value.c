#include "base/option_value.h"
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "base/ascii.h"

/* Largest first. The empty unit is the one values are kept in. */
static const struct unit {
    enum option_kind kind;
    const char *text;
    int64_t factor;
} units[] = {
    {OPTION_SIZE, "GiB", INT64_C(1) << 30},
    {OPTION_SIZE, "MiB", INT64_C(1) << 20},
    {OPTION_SIZE, "KiB", INT64_C(1) << 10},
    {OPTION_SIZE, "", 1},
    {OPTION_DURATION, "h", 3600000},
    {OPTION_DURATION, "min", 60000},
    {OPTION_DURATION, "s", 1000},
    {OPTION_DURATION, "ms", 1},
    {OPTION_DURATION, "", 1},
    {OPTION_COUNT, "", 1},
};
enum { UNITS = sizeof units / sizeof *units };

const char *option_kind_text(enum option_kind kind) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {OPTION_KINDS(X)};
#undef X
    return texts[kind];
}

static bool parse_flag(const char *text, int64_t *out) {
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) return false;
    *out = text[0] == 't';
    return true;
}

bool option_value_parse(enum option_kind kind, const char *text, int64_t *out) {
    if (kind == OPTION_FLAG) return parse_flag(text, out);
    if (!ascii_is_digit(*text)) return false;
    int64_t number = 0;
    for (; ascii_is_digit(*text); text++)
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *text - '0', &number))
            return false;
    for (const struct unit *unit = units; unit < units + UNITS; unit++)
        if (unit->kind == kind && strcmp(unit->text, text) == 0 &&
            !__builtin_mul_overflow(number, unit->factor, &number)) {
            *out = number;
            return true;
        }
    return false;
}

void option_value_format(enum option_kind kind, int64_t value, char out[OPTION_VALUE_TEXT_MAX]) {
    const struct unit *unit = units;
    if (kind == OPTION_FLAG) {
        snprintf(out, OPTION_VALUE_TEXT_MAX, "%s", value != 0 ? "true" : "false");
        return;
    }
    while (unit->kind != kind || (unit->text[0] != '\0' && (value == 0 || value % unit->factor != 0))) unit++;
    snprintf(out, OPTION_VALUE_TEXT_MAX, "%" PRId64 "%s", value / unit->factor, unit->text);
}
