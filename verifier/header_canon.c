#include "verifier/header_canon.h"
#include "base/ascii.h"
#include "verifier/wsp_squeeze.h"

enum { STAGE = 4096 };

/* Spares the stage the zeros that -ftrivial-auto-var-init writes for each field. */
#define UNINITIALIZED __attribute__((uninitialized))

/* Relaxed octets on their way to the digest. */
struct stage {
    size_t len;
    char octets[STAGE + WSP_SQUEEZE_SLACK];
};

static void flush(struct stage *stage, struct digest *digest) {
    digest_update(digest, (struct span){stage->octets, stage->len});
    stage->len = 0;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static void put_lower(char *out, struct span text) {
    for (; text.len >= 8; out += 8, text = span_after(text, 8)) {
        uint64_t word;
        memcpy(&word, text.ptr, sizeof word);
        word = ascii_lower_eight(word);
        memcpy(out, &word, sizeof word);
    }
    for (size_t i = 0; i < text.len; i++) out[i] = ascii_lower(text.ptr[i]);
}

static void put_name(struct stage *stage, struct span name, struct digest *digest) {
    while (name.len > 0) {
        size_t len = least(name.len, STAGE - stage->len);
        put_lower(stage->octets + stage->len, span_first(name, len));
        stage->len += len;
        name = span_after(name, len);
        if (stage->len == STAGE) flush(stage, digest);
    }
    stage->octets[stage->len++] = ':';
}

/* A CRLF in a field's body is a fold, since the header section's parser ends the field at any other. */
static bool is_fold(const char *at) { return at[0] == '\r' && at[1] == '\n'; }

static struct span without_space_around(struct span s) {
    for (size_t gone = 1; gone > 0; s = span_after(s, gone))
        gone = s.len >= 2 && is_fold(s.ptr) ? 2 : s.len >= 1 && ascii_is_wsp(s.ptr[0]);
    for (size_t gone = 1; gone > 0; s.len -= gone)
        gone = s.len >= 2 && is_fold(s.ptr + s.len - 2) ? 2 : s.len >= 1 && ascii_is_wsp(s.ptr[s.len - 1]);
    return s;
}

/* How much of body can be squeezed by itself: it neither ends with white space nor between a CR and its LF. 0: none of
 * the first max octets is anything but white space. */
static size_t whole_len(struct span body, size_t max) {
    if (body.len <= max) return body.len;
    size_t len = max;
    while (len > 0 && (ascii_is_wsp(body.ptr[len - 1]) || is_fold(body.ptr + len - 1))) len--;
    return len;
}

/* Takes the CRLFs out; each is followed by the one blank that stands for the fold. */
static size_t unfold(char *octets, size_t len) {
    const char *end = octets + len, *from = octets;
    char *to = octets;
    for (const char *cr; (cr = memchr(from, '\r', (size_t)(end - from))) != NULL;) {
        bool fold = cr + 1 < end && is_fold(cr);
        size_t kept = (size_t)(cr - from) + !fold;
        if (to != from) memmove(to, from, kept);
        to += kept;
        from += kept + (fold ? 2 : 0);
    }
    if (to != from) memmove(to, from, (size_t)(end - from));
    return (size_t)(to - octets) + (size_t)(end - from);
}

static void put_body(struct stage *stage, struct span body, struct digest *digest) {
    body = without_space_around(body);
    while (body.len > 0) {
        size_t room = STAGE - stage->len, len = whole_len(body, room);
        if (len == 0 && room > 1) body = span_after(body, room - 1); /* white space before white space goes */
        char *start = stage->octets + stage->len;
        stage->len += unfold(start, wsp_squeeze(body.ptr, len, start));
        body = span_after(body, len);
        if (body.len > 0) flush(stage, digest);
    }
}

static struct span until(const char *start, const char *end) { return (struct span){start, (size_t)(end - start)}; }

void header_canon_field(enum canonicalization kind, const struct header_field *field, struct digest *digest) {
    if (kind == CANON_SIMPLE) {
        digest_update(digest, until(field->raw.ptr, field->body.ptr + field->body.len));
        digest_update(digest, span_of("\r\n"));
        return;
    }
    UNINITIALIZED struct stage stage;
    stage.len = 0;
    put_name(&stage, field->name, digest);
    put_body(&stage, field->body, digest);
    memcpy(stage.octets + stage.len, "\r\n", 2); /* into the slack, if need be */
    stage.len += 2;
    flush(&stage, digest);
}

/* The white space around a tag's value goes with it (section 3.7). */
static struct span with_space_around(struct span value, struct span body) {
    const char *start = value.ptr, *end = value.ptr + value.len, *body_end = body.ptr + body.len;
    while (start > body.ptr && ascii_is_space(start[-1])) start--;
    while (end < body_end && ascii_is_space(*end)) end++;
    return until(start, end);
}

void header_canon_signature(enum canonicalization kind, const struct header_field *field, struct span signature_value,
                            struct digest *digest) {
    struct span gone = with_space_around(signature_value, field->body);
    struct span rest = until(gone.ptr + gone.len, field->body.ptr + field->body.len);
    if (kind == CANON_SIMPLE) {
        digest_update(digest, until(field->raw.ptr, gone.ptr));
        digest_update(digest, rest);
        return;
    }
    UNINITIALIZED struct stage stage;
    stage.len = 0;
    put_name(&stage, field->name, digest);
    put_body(&stage, until(field->body.ptr, gone.ptr), digest);
    put_body(&stage, rest, digest);
    flush(&stage, digest);
}
