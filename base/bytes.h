/* base/bytes.h -- a growing run of octets with a cap; what text and messages are built in.
 * Failure is sticky: after an append that does not fit (cap, memory) `failed` stays true, the content stays what it was
 * before that append, and further appends do nothing; so a writer appends at will and looks once at the end.
 * Allocates with malloc; no I/O, clock or lock; one thread at a time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

struct bytes {
    char *ptr;    /* owned; NULL until the first append */
    size_t len;   /* octets in use */
    size_t room;  /* octets allocated */
    size_t cap;   /* most octets ever held */
    bool failed;  /* an append did not fit */
};

/* An empty buffer that never holds more than cap octets. */
static inline struct bytes bytes_with_cap(size_t cap) { return (struct bytes){.cap = cap}; }
/* Frees the octets and leaves an empty buffer with the same cap. */
void bytes_release(struct bytes *bytes);
/* Forgets content and failure, keeps the memory. */
static inline void bytes_clear(struct bytes *bytes) { bytes->len = 0, bytes->failed = false; }
static inline struct span bytes_span(const struct bytes *bytes) { return (struct span){bytes->ptr, bytes->len}; }

/* Room for count more octets at ptr + len, or false (and failed). */
bool bytes_reserve(struct bytes *bytes, size_t count);
bool bytes_append(struct bytes *bytes, struct span octets);
bool bytes_append_text(struct bytes *bytes, const char *text);
bool bytes_append_char(struct bytes *bytes, char c);
bool bytes_append_uint(struct bytes *bytes, uint64_t value);
bool bytes_append_int(struct bytes *bytes, int64_t value);
/* printf into the buffer; for texts whose parts are our own. */
bool bytes_append_format(struct bytes *bytes, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first count octets (count <= len) and moves the rest to the front. */
void bytes_drop_first(struct bytes *bytes, size_t count);
