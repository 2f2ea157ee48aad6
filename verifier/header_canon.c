#include "verifier/header_canon.h"
#include "base/ascii.h"

enum { STAGE = 1024 };

/* Relaxed octets on their way to the digest. */
struct stage {
    struct digest *digest;
    size_t len;
    bool started;       /* the field's body has begun: white space is no longer that behind the colon */
    bool pending_space; /* white space was seen that is one SP if content follows, nothing at the end of the field */
    char octets[STAGE + 2]; /* one octet of input makes at most two of output */
};

static void flush(struct stage *stage) {
    digest_update(stage->digest, (struct span){stage->octets, stage->len});
    stage->len = 0;
}

static void put_name(struct stage *stage, struct span name) {
    for (size_t i = 0; i < name.len; i++) {
        stage->octets[stage->len++] = ascii_lower(name.ptr[i]);
        if (stage->len >= STAGE) flush(stage);
    }
    stage->octets[stage->len++] = ':';
}

/* A CRLF in here is a fold: the header section's parser ends a field at any other. */
static void put_body(struct stage *stage, struct span body) {
    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];
        if (ascii_is_wsp(c)) {
            stage->pending_space = stage->started;
        } else if (c == '\r' && i + 1 < body.len && body.ptr[i + 1] == '\n') {
            i++;
        } else {
            stage->octets[stage->len] = ' ';
            stage->len += stage->pending_space;
            stage->octets[stage->len++] = c;
            stage->pending_space = false;
            stage->started = true;
            if (stage->len >= STAGE) flush(stage);
        }
    }
}

static struct span until(const char *start, const char *end) { return (struct span){start, (size_t)(end - start)}; }

void header_canon_field(enum canonicalization kind, const struct header_field *field, struct digest *digest) {
    if (kind == CANON_SIMPLE) {
        digest_update(digest, until(field->raw.ptr, field->body.ptr + field->body.len));
    } else {
        struct stage stage = {.digest = digest};
        put_name(&stage, field->name);
        put_body(&stage, field->body);
        flush(&stage);
    }
    digest_update(digest, span_of("\r\n"));
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
    struct stage stage = {.digest = digest};
    put_name(&stage, field->name);
    put_body(&stage, until(field->body.ptr, gone.ptr));
    put_body(&stage, rest);
    flush(&stage);
}
