/* base/json.h -- write JSON (RFC 8259) straight into a buffer: commas and escapes by itself, no tree in memory.
 * Strings from outside are made valid: each octet that is not part of a UTF-8 sequence becomes U+FFFD, control characters
 * (C0, DEL, C1) are escaped, so that a terminal shows them harmless. Failure is the buffer's (bytes.h): sticky, looked at
 * once at the end. Calling in an order that is no JSON (a value without key in an object, an end too many) is a broken
 * promise. Pure but for the buffer's allocation; one thread at a time. Limits: JSON_DEPTH_MAX levels. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/span.h"

enum { JSON_DEPTH_MAX = 32 };

struct json { /* json.c's own */
    struct bytes *out;
    unsigned depth;
    uint64_t is_object; /* bit n: level n is an object, else an array */
    uint64_t is_filled; /* bit n: something stands in level n, so that a comma is next */
    bool has_key;       /* a key was written, its value is next */
};

/* Writes to out, which is borrowed, behind what stands in it. Several values on the outermost level stand in lines of
 * their own (no newline behind the last). */
struct json json_writer(struct bytes *out);

void json_object(struct json *json);
void json_object_end(struct json *json);
void json_array(struct json *json);
void json_array_end(struct json *json);
/* The name of the next value of an object, a C string of ours or octets from outside. */
void json_key(struct json *json, const char *key);
void json_key_span(struct json *json, struct span key);

void json_string(struct json *json, struct span value);
void json_text(struct json *json, const char *value); /* NULL: null */
void json_int(struct json *json, int64_t value);
void json_uint(struct json *json, uint64_t value);
void json_bool(struct json *json, bool value);
void json_null(struct json *json);

/* A key and its value in one call. */
static inline void json_key_string(struct json *json, const char *key, struct span value) {
    json_key(json, key), json_string(json, value);
}
static inline void json_key_text(struct json *json, const char *key, const char *value) {
    json_key(json, key), json_text(json, value);
}
static inline void json_key_int(struct json *json, const char *key, int64_t value) {
    json_key(json, key), json_int(json, value);
}
static inline void json_key_uint(struct json *json, const char *key, uint64_t value) {
    json_key(json, key), json_uint(json, value);
}
static inline void json_key_bool(struct json *json, const char *key, bool value) {
    json_key(json, key), json_bool(json, value);
}
static inline void json_key_null(struct json *json, const char *key) { json_key(json, key), json_null(json); }
