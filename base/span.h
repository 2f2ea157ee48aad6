/* base/span.h -- a borrowed run of octets. Never owned, no final NUL, NUL is content.
 * Pure inline functions: no allocation, I/O, clock or lock. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span { const char *ptr; size_t len; };

/* A literal or another constant C string as a span. */
static inline struct span span_of(const char *text) { return (struct span){text, strlen(text)}; }

static inline bool span_equal(struct span a, struct span b) {
    return a.len == b.len && (a.len == 0 || (*a.ptr == *b.ptr && memcmp(a.ptr, b.ptr, a.len) == 0));
}

/* The last eight octets as one word; when there are fewer, all of them, some twice. Of two spans of one length below eight the
 * words are equal when the octets are. */
static inline uint64_t span_last_word(struct span s) {
    uint64_t word = 0;
    uint32_t first, last;
    if (s.len >= 8) {
        memcpy(&word, s.ptr + s.len - 8, sizeof word);
    } else if (s.len >= 4) {
        memcpy(&first, s.ptr, sizeof first);
        memcpy(&last, s.ptr + s.len - 4, sizeof last);
        word = (uint64_t)last << 32 | first;
    } else {
        for (size_t i = 0; i < s.len; i++) word = word << 8 | (unsigned char)s.ptr[i];
    }
    return word;
}

/* Without regard to the case of A-Z; no locale. */
bool span_equal_nocase_octets(const char *a, const char *b, size_t len);
static inline bool span_equal_nocase(struct span a, struct span b) {
    return a.len == b.len && span_equal_nocase_octets(a.ptr, b.ptr, a.len);
}
/* Graphic ASCII (RFC 5234 VCHAR), all of it; so is an empty span. */
bool span_is_graph(struct span s);
bool span_ends_nocase(struct span text, struct span end);

static inline bool span_is(struct span a, const char *text) { return span_equal(a, span_of(text)); }
static inline bool span_is_nocase(struct span a, const char *text) { return span_equal_nocase(a, span_of(text)); }

/* What remains after the first count octets (count <= len). An empty span may have no pointer, to which nothing is added. */
static inline struct span span_after(struct span s, size_t count) {
    return count > 0 ? (struct span){s.ptr + count, s.len - count} : s;
}
static inline struct span span_first(struct span s, size_t count) { return (struct span){s.ptr, count}; }

/* Index of the first octet equal to c, or s.len when there is none. */
static inline size_t span_find(struct span s, char c) {
    const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;
    return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

/* Without the spaces, tabs, CR and LF at both ends. */
struct span span_trim(struct span s);
