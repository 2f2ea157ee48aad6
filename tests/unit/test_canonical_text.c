#include "http/canonical_text.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/exact.h"
#include "tests/support/signer.h"
#include "verifier/digest.h"
#include "verifier/header_canon.h"

/* RFC 6376 section 3.4.5, and corners of 3.4.3 and 3.4.4. */
static const struct { const char *body, *simple, *relaxed; } bodies[] = {
    {" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
    {"", "\r\n", ""},
    {"\r\n\r\n", "\r\n", ""},
    {"x", "x\r\n", "x\r\n"},
    {"x\r\n \t\r\n", "x\r\n \t\r\n", "x\r\n"},
    {"\r\n\r\nx\r\n", "\r\n\r\nx\r\n", "\r\n\r\nx\r\n"},
    {"a\rb\nc\r\n", "a\rb\nc\r\n", "a\rb\nc\r\n"},
    {"a\n\r\n", "a\n\r\n", "a\n\r\n"},
    {"\t a\t\r\n", "\t a\t\r\n", " a\r\n"},
    {"a \r\n\r\n b", "a \r\n\r\n b\r\n", "a\r\n\r\n b\r\n"},
};

static void check_body(const char *text, enum canonicalization kind, const char *want) {
    struct span body = exact_copy(span_of(text));
    struct bytes out = bytes_with_cap(1000);
    uint64_t octets = canonical_text_body(&out, kind, false, 0, body, 100);
    if (!span_is(bytes_span(&out), want) || octets != strlen(want))
        fail_msg("\"%s\": \"%.*s\", %llu", text, (int)out.len, out.ptr != NULL ? out.ptr : "", (unsigned long long)octets);
    /* what people see is what is hashed */
    struct digest digest, other;
    uint8_t seen[DIGEST_OCTETS], hashed[DIGEST_OCTETS];
    struct body_canon canon;
    assert_true(digest_init(&digest) && digest_init(&other));
    digest_begin(&digest);
    digest_update(&digest, bytes_span(&out));
    digest_begin(&other);
    body_canon_begin(&canon, kind, false, 0, &other);
    body_canon_update(&canon, body);
    body_canon_end(&canon);
    assert_true(digest_end(&digest, seen) && digest_end(&other, hashed));
    assert_memory_equal(seen, hashed, DIGEST_OCTETS);
    digest_release(&digest);
    digest_release(&other);
    bytes_release(&out);
    exact_free(body);
}

static void bodies_are_those_that_are_hashed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        check_body(bodies[i].body, CANON_SIMPLE, bodies[i].simple);
        check_body(bodies[i].body, CANON_RELAXED, bodies[i].relaxed);
    }
}

static void long_bodies_are_cut_and_counted(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(1000);
    const struct span body = span_of("one\r\ntwo\r\nthree\r\n");
    assert_int_equal(canonical_text_body(&out, CANON_SIMPLE, false, 0, body, 2), body.len);
    assert_true(span_is(bytes_span(&out), "one\r\ntwo\r\n"));
    bytes_clear(&out);
    assert_int_equal(canonical_text_body(&out, CANON_SIMPLE, true, 7, body, 100), 7);
    assert_true(span_is(bytes_span(&out), "one\r\ntw"));
    bytes_clear(&out);
    assert_int_equal(canonical_text_body(&out, CANON_SIMPLE, true, 1000, body, 100), body.len);
    bytes_release(&out);
    out = bytes_with_cap(6);
    assert_int_equal(canonical_text_body(&out, CANON_RELAXED, false, 0, body, 100), body.len);
    assert_true(out.failed);
    bytes_release(&out);
}

/* The fields of h= in its order, from the bottom, each once; the signature last, without its b=. */
static void check_header(bool simple, const char *want_start) {
    static const char message[] = "To:  first \r\nSubject: a\r\n\t b\r\nTo: second\r\nFROM : x@d.example\r\nX-Not: signed\r\n\r\nbody\r\n";
    struct signer *signer = signer_create_ed25519();
    struct span text = signer_sign(signer, &(struct signing){.signed_names = "from:to:To:subject:to:date", .simple_header = simple}, span_of(message));
    struct header_section section;
    struct dkim_signature signature;
    struct arena *arena = arena_create(1 << 20);
    size_t taken;
    header_section_init(&section, header_limits_default);
    assert_int_equal(header_section_update(&section, text, &taken), HEADER_COMPLETE);
    assert_true(dkim_signature_parse(&section.fields[0], arena, &signature));
    struct bytes out = bytes_with_cap(10000);
    canonical_text_header(&out, &section, &signature, &section.fields[0]);
    assert_memory_equal(out.ptr, want_start, strlen(want_start));
    struct digest digest, other;
    uint8_t seen[DIGEST_OCTETS], hashed[DIGEST_OCTETS];
    assert_true(digest_init(&digest) && digest_init(&other));
    digest_begin(&digest);
    digest_update(&digest, bytes_span(&out));
    digest_begin(&other);
    const size_t order[] = {4, 3, 1, 2}; /* From, the lower To, the upper To, Subject */
    for (size_t i = 0; i < 4; i++) header_canon_field(signature.header_canon, &section.fields[order[i]], &other);
    header_canon_signature(signature.header_canon, &section.fields[0], signature.signature_value, &other);
    assert_true(digest_end(&digest, seen) && digest_end(&other, hashed));
    assert_memory_equal(seen, hashed, DIGEST_OCTETS);
    digest_release(&digest);
    digest_release(&other);
    bytes_release(&out);
    arena_destroy(arena);
    header_section_release(&section);
    free((void *)(uintptr_t)text.ptr);
    signer_destroy(signer);
}

static void header_fields_are_those_that_are_hashed(void **state) {
    (void)state;
    check_header(false, "from:x@d.example\r\nto:second\r\nto:first\r\nsubject:a b\r\ndkim-signature:");
    check_header(true, "FROM : x@d.example\r\nTo: second\r\nTo:  first \r\nSubject: a\r\n\t b\r\nDKIM-Signature:");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(bodies_are_those_that_are_hashed),
                                       cmocka_unit_test(long_bodies_are_cut_and_counted),
                                       cmocka_unit_test(header_fields_are_those_that_are_hashed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
