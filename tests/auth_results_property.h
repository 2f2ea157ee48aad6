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
            PROPERTY(i + 1 == field.len ||
                     (ascii_is_wsp(field.ptr[i + 1]) && i + 2 < field.len && field.ptr[i + 2] != '\r'));
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
    return out->len > 0 && name_len + 1 + out->len + escapes + (token ? 0 : 2) <= 448;
}

/* What is being compared: the field, for the sentence; the result read back, and how many of its properties were seen. */
struct property_reading {
    struct span field;
    const struct auth_results_info *info;
    size_t next;
};

enum property_kind { PROPERTY_VALUE, PROPERTY_NAME, PROPERTY_ADDRESS };

/* local-part@domain with A-labels behind the @, when it has that form. */
static inline struct span property_address(struct span address, struct bytes *whole) {
    size_t at = address.len;
    while (at > 0 && address.ptr[at - 1] != '@') at--;
    char ascii[DOMAIN_NAME_MAX];
    size_t len = at > 0 && at <= 65 ? domain_name_write(span_after(address, at), false, ascii) : 0;
    if (len == 0) return address;
    bytes_append(whole, span_first(address, at));
    bytes_append(whole, (struct span){ascii, len});
    return bytes_span(whole);
}

/* name is "ptype.property"; value, as it was given to the writer, shall be the next property unless it is not written. */
static inline void property_next(struct property_reading *reading, const char *name, struct span value,
                                 enum property_kind kind) {
    struct span field = reading->field;
    struct bytes whole = bytes_with_cap(1024), want = bytes_with_cap(1 << 20);
    bool is_address = kind == PROPERTY_ADDRESS;
    if (is_address) value = property_address(value, &whole);
    if (property_intended(value, kind == PROPERTY_NAME, is_address, strlen(name), &want)) {
        PROPERTY(reading->next < reading->info->prop_count);
        const struct auth_results_prop *prop = &reading->info->prop[reading->next++];
        size_t dot = span_find(span_of(name), '.');
        PROPERTY(span_equal(prop->ptype, span_first(span_of(name), dot)));
        PROPERTY(span_is(prop->property, name + dot + 1));
        PROPERTY(span_equal(prop->value, bytes_span(&want)));
    }
    bytes_release(&whole);
    bytes_release(&want);
}

static inline void property_dkim(struct property_reading *reading, const struct dkim_result *result, bool is_full,
                                 bool one_signature) {
    struct span field = reading->field;
    PROPERTY(span_is(reading->info->method, "dkim"));
    PROPERTY(span_is(reading->info->result, auth_result_word(result->result)));
    PROPERTY(!reading->info->has_reason);
    if (is_full) property_next(reading, "header.d", result->domain, PROPERTY_NAME);
    property_next(reading, "header.i", result->auid, PROPERTY_ADDRESS);
    property_next(reading, "header.s", result->selector, PROPERTY_NAME);
    if (is_full) property_next(reading, "header.a", result->algorithm, PROPERTY_VALUE);
    if (!one_signature) return;
    struct span first = span_first(result->signature, result->signature.len < 8 ? result->signature.len : 8);
    property_next(reading, "header.b", first, PROPERTY_VALUE);
    PROPERTY(reading->next == reading->info->prop_count);
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

/* The dkim results at the start; returns how many there are. */
static inline size_t property_all_dkim(struct span field, const struct auth_results *read,
                                       const struct message_result *message, bool is_full) {
    size_t count = 0;
    while (count < read->count && span_is(read->info[count].method, "dkim")) count++;
    PROPERTY(count > 0 && (count <= message->dkim_count || message->dkim_count == 0));
    if (message->dkim_count == 0)
        PROPERTY(count == 1 && span_is(read->info[0].result, "none") && read->info[0].prop_count == 0);
    for (size_t i = 0; i < count && message->dkim_count > 0; i++) {
        struct property_reading reading = {field, &read->info[i], 0};
        property_dkim(&reading, property_nth(message, i, count < message->dkim_count), is_full,
                      message->dkim_count == 1);
    }
    return count;
}

/* The next result shall be this one. */
static inline struct property_reading property_method(struct span field, const struct auth_results *read, size_t *next,
                                                      const char *method, enum auth_result result) {
    PROPERTY(*next < read->count);
    struct property_reading reading = {field, &read->info[(*next)++], 0};
    PROPERTY(span_is(reading.info->method, method));
    PROPERTY(span_is(reading.info->result, auth_result_word(result)));
    PROPERTY(!reading.info->has_reason);
    return reading;
}

static inline void property_spf(struct span field, const struct auth_results *read, size_t *next,
                                const struct message_result *message) {
    bool mail_from = message->spf[SPF_MAIL_FROM].is_evaluated;
    const struct spf_result *spf = &message->spf[mail_from ? SPF_MAIL_FROM : SPF_HELO];
    if (!spf->is_evaluated) return;
    struct property_reading reading = property_method(field, read, next, "spf", spf->result);
    property_next(&reading, mail_from ? "smtp.mailfrom" : "smtp.helo", spf->identity,
                  mail_from ? PROPERTY_ADDRESS : PROPERTY_NAME);
    PROPERTY(reading.next == reading.info->prop_count);
}

static inline void property_others(struct span field, const struct auth_results *read, size_t next,
                                   const struct message_result *message, bool is_full) {
    char oldest[16];
    if (message->arc.is_evaluated && (is_full || message->arc.result != RESULT_NONE)) {
        struct property_reading reading = property_method(field, read, &next, "arc", message->arc.result);
        snprintf(oldest, sizeof oldest, "%u", message->arc.oldest_pass);
        if (message->arc.has_oldest_pass && message->arc.oldest_pass > 0)
            property_next(&reading, "header.oldest-pass", span_of(oldest), PROPERTY_VALUE);
        PROPERTY(reading.next == reading.info->prop_count);
    }
    property_spf(field, read, &next, message);
    if (message->dmarc.is_evaluated && (is_full || message->dmarc.result != RESULT_NONE)) {
        struct property_reading reading = property_method(field, read, &next, "dmarc", message->dmarc.result);
        const char *policy = dmarc_policy_word(message->dmarc.policy);
        property_next(&reading, "header.from", message->dmarc.domain, PROPERTY_NAME);
        if (policy != NULL) property_next(&reading, "policy.dmarc", span_of(policy), PROPERTY_VALUE);
        PROPERTY(reading.next == reading.info->prop_count);
    }
    if (is_full && message->iprev.is_evaluated) {
        struct property_reading reading = property_method(field, read, &next, "iprev", message->iprev.result);
        property_next(&reading, "policy.iprev", message->iprev.address, PROPERTY_VALUE);
        PROPERTY(reading.next == reading.info->prop_count);
    }
    PROPERTY(next == read->count);
}

/* field, whose name is known, holds nothing but what is intended. */
static inline void property_field(struct span field, const char *name, struct span authserv_id,
                                  const struct message_result *message, bool is_full) {
    struct arena *arena = arena_create(1 << 22);
    struct span head = span_of(name);
    struct auth_results read;
    size_t at;
    property_shape(field);
    PROPERTY(arena != NULL);
    PROPERTY(field.len > head.len && span_equal(span_first(field, head.len), head));
    PROPERTY(auth_results_read(span_after(field, head.len), arena, &read, &at) == AUTH_RESULTS_OK);
    PROPERTY(span_equal(read.authserv_id, authserv_id));
    property_others(field, &read, property_all_dkim(field, &read, message, is_full), message, is_full);
    arena_destroy(arena);
}

static inline void property_check(struct span authserv_id, const struct message_result *message) {
    static const char arc[] = "ARC-Authentication-Results: i=50;";
    struct bytes out = bytes_with_cap(8192);
    for (int style = AUTH_RESULTS_STANDARD; style <= AUTH_RESULTS_PROVIDER; style++) {
        bool is_full = style == AUTH_RESULTS_STANDARD;
        struct span field = span_of("");
        bytes_clear(&out);
        PROPERTY(auth_results_write_styled(&out, authserv_id, message, (enum auth_results_style)style));
        property_field(bytes_span(&out), "Authentication-Results:", authserv_id, message, is_full);
        bytes_clear(&out);
        PROPERTY(auth_results_write_arc(&out, 50, authserv_id, message, (enum auth_results_style)style));
        property_field(bytes_span(&out), arc, authserv_id, message, is_full);
    }
    bytes_release(&out);
}
