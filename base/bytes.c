#include "base/bytes.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_ROOM = 256 };

void bytes_release(struct bytes *bytes) {
    free(bytes->ptr);
    *bytes = bytes_with_cap(bytes->cap);
}

static bool grow(struct bytes *bytes, size_t wanted) {
    size_t room = bytes->room > 0 ? bytes->room : FIRST_ROOM;
    while (room < wanted) room *= 2;
    if (room > bytes->cap) room = bytes->cap;
    char *ptr = realloc(bytes->ptr, room);
    if (ptr == NULL) return false;
    bytes->ptr = ptr;
    bytes->room = room;
    return true;
}

bool bytes_reserve(struct bytes *bytes, size_t count) {
    if (bytes->failed) return false;
    if (count <= bytes->room - bytes->len) return true;
    if (count > bytes->cap - bytes->len || !grow(bytes, bytes->len + count)) bytes->failed = true;
    return !bytes->failed;
}

bool bytes_append(struct bytes *bytes, struct span octets) {
    bool fits = !bytes->failed && octets.len <= bytes->room - bytes->len; /* nearly always */
    if (!fits && !bytes_reserve(bytes, octets.len)) return false;
    if (octets.len > 0) memcpy(bytes->ptr + bytes->len, octets.ptr, octets.len);
    bytes->len += octets.len;
    return true;
}

bool bytes_append_text(struct bytes *bytes, const char *text) { return bytes_append(bytes, span_of(text)); }
bool bytes_append_char(struct bytes *bytes, char c) { return bytes_append(bytes, (struct span){&c, 1}); }

bool bytes_append_uint(struct bytes *bytes, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    return bytes_append(bytes, (struct span){digits + at, sizeof digits - at});
}

bool bytes_append_int(struct bytes *bytes, int64_t value) {
    if (value >= 0) return bytes_append_uint(bytes, (uint64_t)value);
    return bytes_append_char(bytes, '-') && bytes_append_uint(bytes, -(uint64_t)value);
}

bool bytes_append_format(struct bytes *bytes, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bool done = needed >= 0 && bytes_reserve(bytes, (size_t)needed + 1); /* vsnprintf writes a NUL behind it */
    if (done) bytes->len += (size_t)vsnprintf(bytes->ptr + bytes->len, (size_t)needed + 1, format, again);
    va_end(again);
    return done;
}

void bytes_drop_first(struct bytes *bytes, size_t count) {
    if (count > 0 && count < bytes->len) memmove(bytes->ptr, bytes->ptr + count, bytes->len - count);
    bytes->len -= count;
}
