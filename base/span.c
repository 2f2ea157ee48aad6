#include "base/span.h"
#include "base/ascii.h"

bool span_equal_nocase(struct span a, struct span b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (a.ptr[i] != b.ptr[i] && ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) return false;
    return true;
}

bool span_ends_nocase(struct span text, struct span end) {
    return text.len >= end.len && span_equal_nocase(span_after(text, text.len - end.len), end);
}

struct span span_trim(struct span s) {
    for (; s.len > 0 && ascii_is_space(s.ptr[0]); s.ptr++, s.len--) { }
    for (; s.len > 0 && ascii_is_space(s.ptr[s.len - 1]); s.len--) { }
    return s;
}
