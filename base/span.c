#include "base/span.h"
#include "base/ascii.h"

static bool equal_nocase(uint64_t a, uint64_t b) { return a == b || ascii_lower_eight(a) == ascii_lower_eight(b); }

bool span_equal_nocase_octets(const char *a, const char *b, size_t len) {
    for (size_t i = 0; i + 8 <= len; i += 8) {
        uint64_t word_a, word_b;
        memcpy(&word_a, a + i, sizeof word_a);
        memcpy(&word_b, b + i, sizeof word_b);
        if (!equal_nocase(word_a, word_b)) return false;
    }
    return equal_nocase(span_last_word((struct span){a, len}), span_last_word((struct span){b, len}));
}

bool span_is_graph(struct span s) {
    if (s.len < 8) {
        for (size_t i = 0; i < s.len; i++)
            if (!ascii_is_graph(s.ptr[i])) return false;
        return true;
    }
    for (size_t i = 0; i + 8 < s.len; i += 8)
        if (!ascii_are_graph(s.ptr + i)) return false;
    return ascii_are_graph(s.ptr + s.len - 8);
}

bool span_ends_nocase(struct span text, struct span end) {
    return text.len >= end.len && span_equal_nocase(span_after(text, text.len - end.len), end);
}

struct span span_trim(struct span s) {
    for (; s.len > 0 && ascii_is_space(s.ptr[0]); s.ptr++, s.len--) { }
    for (; s.len > 0 && ascii_is_space(s.ptr[s.len - 1]); s.len--) { }
    return s;
}
