#include "verifier/results_paste.h"
#include "base/ascii.h"

enum { INSTANCE_MAX = 50 /* RFC 8617 section 4.2.1 */ };

static bool is_name(struct span name) {
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_is_graph(name.ptr[i])) return false;
    return name.len > 0;
}

/* Name and body of the field that text starts with; *len is all of it, folds included. False: text starts with none. */
static bool read_field(struct span text, struct span *name, struct span *body, size_t *len) {
    size_t colon = span_find(text, ':');
    *name = span_trim(span_first(text, colon));
    if (colon == text.len || !is_name(*name)) return false;
    size_t end = colon;
    do {
        struct span rest = span_after(text, end);
        size_t line = span_find(rest, '\n');
        end += line < rest.len ? line + 1 : line;
    } while (end < text.len && ascii_is_wsp(text.ptr[end]));
    *body = (struct span){text.ptr + colon + 1, end - colon - 1};
    *len = end;
    return true;
}

/* The number of "i=1" or "i=1;" at the start of body, which is moved behind it; 0: there is none. */
static unsigned take_instance(struct span *body) {
    struct span rest = span_trim(*body);
    size_t semicolon = span_find(rest, ';');
    struct span tag = span_first(rest, semicolon);
    size_t equals = span_find(tag, '=');
    if (equals == tag.len || !span_is(span_trim(span_first(tag, equals)), "i")) return 0;
    struct span digits = span_trim(span_after(tag, equals + 1));
    unsigned number = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (!ascii_is_digit(digits.ptr[i]) || number > INSTANCE_MAX) return 0;
        number = number * 10 + (unsigned)(digits.ptr[i] - '0');
    }
    *body = span_after(rest, semicolon < rest.len ? semicolon + 1 : semicolon);
    return number <= INSTANCE_MAX ? number : 0;
}

/* i= of a tag-list, wherever it stands: enough to see which set a field belongs to. */
static bool has_instance(struct span body, unsigned instance) {
    while (body.len > 0) {
        size_t semicolon = span_find(body, ';');
        struct span tag = span_first(body, semicolon);
        if (take_instance(&tag) == instance) return true;
        body = span_after(body, semicolon < body.len ? semicolon + 1 : semicolon);
    }
    return false;
}

static void look_beside(struct span text, struct results_paste *out) {
    struct span name, body;
    for (size_t len; read_field(text, &name, &body, &len); text = span_after(text, len)) {
        if (span_is_nocase(name, "ARC-Message-Signature"))
            out->has_message_signature |= has_instance(body, out->instance);
        if (span_is_nocase(name, "ARC-Seal")) out->has_seal |= has_instance(body, out->instance);
    }
}

struct results_paste results_paste_find(struct span text) {
    struct results_paste out = {.value = text};
    struct span rest = text, name, body;
    for (size_t len; read_field(rest, &name, &body, &len); rest = span_after(rest, len)) {
        out.is_arc = span_is_nocase(name, "ARC-Authentication-Results");
        if (!out.is_arc && !span_is_nocase(name, "Authentication-Results")) continue;
        out.value = body;
        if (!out.is_arc) {
            struct span next_name, next_body, next = span_after(rest, len);
            size_t next_len; /* what follows without being a field is the value's fault, and the reader's to tell */
            if (!read_field(next, &next_name, &next_body, &next_len)) out.value.len += next.len;
            return out;
        }
        out.instance = take_instance(&out.value);
        if (out.instance > 0) look_beside(text, &out);
        return out;
    }
    out.is_arc = false;
    return out;
}
