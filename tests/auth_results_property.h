/* tests/auth_results_property.h -- the property of R-03: whatever a sender chose, the field that we write is one sound
 * header field and reads back to exactly the intended results. Used by a unit test and a fuzz target; aborts with a
 * sentence on standard error when the property does not hold. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/ascii.h"
#include "base/bytes.h"
#include "base/utf8.h"
#include "verifier/auth_results.h"
#include "verifier/auth_results_reader.h"
#include "verifier/domain_name.h"

#define PROPERTY(condition)                                                                                            \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n%.*s\n", __FILE__, __LINE__, #condition, (int)field.len, field.ptr);           \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline void property_shape(struct span field) {
    size_t line = 0;
    PROPERTY(field.len <= 4096 && field.len > 2);
    for (size_t i = 0; i < field.len; i++, line++) {
        char c = field.ptr[i];
        PROPERTY(line < 998);
        if (c == '\r') PROPERTY(i + 1 < field.len && field.ptr[i + 1] == '\n');
        if (c == '\n') {
            PROPERTY(i > 0 && field.ptr[i - 1] == '\r');
            PROPERTY(i + 1 == field.len || (field.ptr[i + 1] == '\t' && i + 2 < field.len && field.ptr[i + 2] != '\r'));
            line = 0;
        }
        PROPERTY(!ascii_is_control(c) || c == '\r' || c == '\n' || c == '\t');
    }
    PROPERTY(field.ptr[field.len - 1] == '\n');
}

/* What a value shall read back as; false: it is not written. */
static inline bool property_intended(struct span value, bool is_name, bool utf8, size_t name_len, struct bytes *out) {
    char ascii[DOMAIN_NAME_MAX];
    size_t written = is_name ? domain_name_write(value, false, ascii) : 0;
    size_t escapes = 0;
    bytes_clear(out);
    if (written > 0) return bytes_append(out, (struct span){ascii, written});
    while (value.len > 0) {
        size_t len = utf8_sequence(value);
        bool keep = len == 1 ? value.ptr[0] >= ' ' && value.ptr[0] != 0x7f
                             : len > 1 && utf8 && !(value.ptr[0] == '\xc2' && (unsigned char)value.ptr[1] < 0xa0);
        if (keep) bytes_append(out, span_first(value, len));
        if (keep && (value.ptr[0] == '"' || value.ptr[0] == '\\')) escapes++;
        value = span_after(value, len > 0 ? len : 1);
    }
    bool token = escapes == 0;
    for (size_t i = 0; i < out->len; i++)
        token &= out->ptr[i] > ' ' && memchr("()<>@,;:/[]?=", out->ptr[i], 13) == NULL;
    return out->len > 0 && name_len + 1 + out->len + escapes + (token ? 0 : 2) <= 700;
}

static inline void property_prop(struct span field, const struct auth_results_info *info, size_t *next,
                                 const char *name, bool is_written, struct span want) {
    if (!is_written) return;
    PROPERTY(*next < info->prop_count);
    const struct auth_results_prop *prop = &info->prop[(*next)++];
    PROPERTY(span_is(prop->ptype, "header"));
    PROPERTY(span_is(prop->property, name));
    PROPERTY(span_equal(prop->value, want));
}

static inline struct span property_auid(struct span auid, struct bytes *out, bool *is_written) {
    size_t at = auid.len;
    while (at > 0 && auid.ptr[at - 1] != '@') at--;
    char ascii[DOMAIN_NAME_MAX];
    size_t len = at > 0 && at <= 65 ? domain_name_write(span_after(auid, at), false, ascii) : 0;
    struct bytes whole = bytes_with_cap(1024);
    if (len > 0) {
        bytes_append(&whole, span_first(auid, at));
        bytes_append(&whole, (struct span){ascii, len});
        auid = bytes_span(&whole);
    }
    *is_written = property_intended(auid, false, true, 8, out);
    bytes_release(&whole);
    return bytes_span(out);
}

static inline void property_result(struct span field, const struct auth_results_info *info,
                                   const struct dkim_result *result, bool one_signature) {
    struct bytes want = bytes_with_cap(1 << 20);
    size_t next = 0;
    bool is_written;
    PROPERTY(span_is(info->method, "dkim"));
    PROPERTY(span_is(info->result, auth_result_word(result->result)));
    PROPERTY(!info->has_reason);
    is_written = property_intended(result->domain, true, false, 8, &want);
    property_prop(field, info, &next, "d", is_written, bytes_span(&want));
    struct span auid = property_auid(result->auid, &want, &is_written);
    property_prop(field, info, &next, "i", is_written, auid);
    is_written = property_intended(result->selector, true, false, 8, &want);
    property_prop(field, info, &next, "s", is_written, bytes_span(&want));
    is_written = property_intended(result->algorithm, false, false, 8, &want);
    property_prop(field, info, &next, "a", is_written, bytes_span(&want));
    if (one_signature) {
        struct span first = span_first(result->signature, result->signature.len < 8 ? result->signature.len : 8);
        is_written = property_intended(first, false, false, 8, &want);
        property_prop(field, info, &next, "b", is_written, bytes_span(&want));
        PROPERTY(next == info->prop_count);
    }
    bytes_release(&want);
}

static inline const struct dkim_result *property_nth(const struct message_result *message, size_t n, bool ranked) {
    if (!ranked) return &message->dkim[n];
    for (int wanted = 3; wanted >= 0; wanted--)
        for (size_t i = 0; i < message->dkim_count; i++) {
            const struct dkim_result *result = &message->dkim[i];
            if (2 * (result->result == RESULT_PASS) + result->aligned == wanted && n-- == 0) return result;
        }
    return NULL;
}

static inline void property_check(struct span authserv_id, const struct message_result *message) {
    struct bytes out = bytes_with_cap(8192);
    struct arena *arena = arena_create(1 << 22);
    bool written = auth_results_write(&out, authserv_id, message);
    struct span field = bytes_span(&out), name = span_of("Authentication-Results:");
    PROPERTY(written && arena != NULL);
    property_shape(field);
    PROPERTY(field.len > name.len && span_equal(span_first(field, name.len), name));
    struct auth_results read;
    size_t at;
    enum auth_results_status status = auth_results_read(span_after(field, name.len), arena, &read, &at);
    PROPERTY(status == AUTH_RESULTS_OK);
    PROPERTY(span_equal(read.authserv_id, authserv_id));
    PROPERTY(read.count > 0 && (read.count <= message->dkim_count || message->dkim_count == 0));
    if (message->dkim_count == 0)
        PROPERTY(read.count == 1 && span_is(read.info[0].result, "none") && read.info[0].prop_count == 0);
    for (size_t i = 0; i < read.count && message->dkim_count > 0; i++)
        property_result(field, &read.info[i], property_nth(message, i, read.count < message->dkim_count),
                        message->dkim_count == 1);
    arena_destroy(arena);
    bytes_release(&out);
}
