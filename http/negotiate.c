#include "http/negotiate.h"
#include "base/ascii.h"

/* Takes what stands before the next separator off *rest. */
static struct span take_until(struct span *rest, char separator) {
    size_t len = span_find(*rest, separator);
    struct span part = span_first(*rest, len);
    *rest = span_after(*rest, len < rest->len ? len + 1 : len);
    return span_trim(part);
}

/* "1", "0.5", "0.123" in thousandths; -1 for anything else. */
static int read_quality(struct span text) {
    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1')) return -1;
    if (text.len > 1 && text.ptr[1] != '.') return -1;
    int value = (text.ptr[0] - '0') * 1000, step = 100;
    for (size_t i = 2; i < text.len; i++, step /= 10) {
        if (!ascii_is_digit(text.ptr[i])) return -1;
        value += (text.ptr[i] - '0') * step;
    }
    return value <= 1000 ? value : -1;
}

static int quality_of_entry(struct span parameters) {
    while (parameters.len > 0) {
        struct span parameter = take_until(&parameters, ';');
        struct span name = take_until(&parameter, '=');
        if (span_is_nocase(name, "q")) return read_quality(span_trim(parameter));
    }
    return 1000;
}

int negotiate_quality(struct span list, const char *name) {
    int best = NEGOTIATE_NOT_NAMED;
    while (list.len > 0) {
        struct span entry = take_until(&list, ',');
        if (!span_is_nocase(take_until(&entry, ';'), name)) continue;
        int quality = quality_of_entry(entry);
        if (quality > best) best = quality;
    }
    return best;
}
