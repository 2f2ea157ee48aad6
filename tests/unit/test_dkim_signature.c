#include "verifier/dkim_signature.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* One tag each; a row leaves one out and writes its own. */
#define V "v=1;"
#define A "a=rsa-sha256;"
#define D "d=example.com;"
#define S "s=brisbane;"
#define H "h=From:To;"
#define BH "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;"
#define B "b=QUJD;"
#define U "b\xc3\xbc" "cher"
#define A8 "abcdefg."
#define A64 A8 A8 A8 A8 A8 A8 A8 A8
#define X10 "x:x:x:x:x:x:x:x:x:x:"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X900 X100 X100 X100 X100 X100 X100 X100 X100 X100

/* Sections of RFC 6376 where no other is named. */
static const struct row {
    const char *body;
    enum dkim_code want;
    const char *detail;
} rows[] = {
    {V A D S H BH B, DKIM_OK, ""},
    {B BH H S D A V, DKIM_OK, ""},                                            /* 3.5: in any order */
    {"\r\n v = 1 ; a\r\n\t=rsa-sha256\r\n ;" D S H BH " b = QU\r\n JD \r\n", DKIM_OK, ""},
    {V A D S H BH B "z=From:a|To:b; y=unknown", DKIM_OK, ""},                 /* 3.2: unknown tags are ignored */
    /* 3.2: the tag-list */
    {"", DKIM_SIG_SYNTAX, "no tag at all"},
    {"x", DKIM_SIG_SYNTAX, "no = after the tag name"},
    {V A D S H BH B ";", DKIM_SIG_SYNTAX, "tag name does not follow the grammar"},
    {V A D S H BH B "\x01=", DKIM_SIG_SYNTAX, "tag name does not follow the grammar"},
    {V A D S H BH B D, DKIM_SIG_DUPLICATE_TAG, "tag name occurs twice"},
    {V A D S H BH B "y=;y=", DKIM_SIG_DUPLICATE_TAG, "tag name occurs twice"},
    {V A D S H BH "b=QU\nJD;", DKIM_SIG_SYNTAX, "bare CR or LF"},
    {V A D S H BH "b=QU\rJD;", DKIM_SIG_SYNTAX, "bare CR or LF"},
    {V A D S H BH B "\r", DKIM_SIG_SYNTAX, "bare CR or LF"},
    {V A "d=b\xfc" "cher.example;" S H BH B, DKIM_SIG_SYNTAX, "tag value holds a control octet or is not UTF-8"},
    /* 6.1.1: required tags, absent and empty */
    {A D S H BH B, DKIM_SIG_MISSING_TAG, "v="},
    {V D S H BH B, DKIM_SIG_MISSING_TAG, "a="},
    {V A S H BH B, DKIM_SIG_MISSING_TAG, "d="},
    {V A D H BH B, DKIM_SIG_MISSING_TAG, "s="},
    {V A D S BH B, DKIM_SIG_MISSING_TAG, "h="},
    {V A D S H B, DKIM_SIG_MISSING_TAG, "bh="},
    {V A D S H BH, DKIM_SIG_MISSING_TAG, "b="},
    {V A D S H BH "b= \r\n ;", DKIM_SIG_MISSING_TAG, "b="},
    {V A D S "h=;" BH B, DKIM_SIG_MISSING_TAG, "h="},
    {"v=;" A D S H BH B, DKIM_SIG_MISSING_TAG, "v="},
    {V "A=rsa-sha256;" D S H BH B, DKIM_SIG_MISSING_TAG, "a="}, /* 3.2: names are case-sensitive */
    /* v= */
    {"v=2;" A D S H BH B, DKIM_SIG_VERSION, "v="},
    {"v=1.0;" A D S H BH B, DKIM_SIG_VERSION, "v="},
    {"v=01;" A D S H BH B, DKIM_SIG_VERSION, "v="},
    {"v=DKIM1;" A D S H BH B, DKIM_SIG_VERSION, "v="},
    /* c= */
    {V A D S H BH B "c=simple", DKIM_OK, ""},
    {V A D S H BH B "c=relaxed/relaxed", DKIM_OK, ""},
    {V A D S H BH B "c=Relaxed/SIMPLE", DKIM_OK, ""},
    {V A D S H BH B "c=", DKIM_SIG_CANONICALIZATION, "c="},
    {V A D S H BH B "c=relaxed/", DKIM_SIG_CANONICALIZATION, "c="},
    {V A D S H BH B "c=/relaxed", DKIM_SIG_CANONICALIZATION, "c="},
    {V A D S H BH B "c=nowsp", DKIM_SIG_CANONICALIZATION, "c="},
    {V A D S H BH B "c=simple/simple/simple", DKIM_SIG_CANONICALIZATION, "c="},
    {V A D S H BH B "c=simple / simple", DKIM_SIG_CANONICALIZATION, "c="},
    /* q= */
    {V A D S H BH B "q=dns/txt", DKIM_OK, ""},
    {V A D S H BH B "q=foo/bar : dns/txt\r\n :x", DKIM_OK, ""},
    {V A D S H BH B "q=dns", DKIM_SIG_QUERY_METHOD, "q="},
    {V A D S H BH B "q=dns/special", DKIM_SIG_QUERY_METHOD, "q="},
    {V A D S H BH B "q=", DKIM_SIG_QUERY_METHOD, "q="},
    {V A D S H BH B "q=dns/txtx", DKIM_SIG_QUERY_METHOD, "q="},
    /* d= and s= (R-02) */
    {V A "d=EXAMPLE.com;" S H BH B, DKIM_OK, ""},
    {V A "d=" U ".example;" S H BH B, DKIM_OK, ""}, /* RFC 8616 section 4 */
    {V A "d=com;" S H BH B, DKIM_SIG_DOMAIN, "d="},
    {V A "d=example.com.;" S H BH B, DKIM_SIG_DOMAIN, "d="},
    {V A "d=legitimate.com(.attacker.com;" S H BH B, DKIM_SIG_DOMAIN, "d="},
    {V A "d=exam\r\n ple.com;" S H BH B, DKIM_SIG_DOMAIN, "d="},
    {V A "d=a@example.com;" S H BH B, DKIM_SIG_DOMAIN, "d="},
    {V A "d=" A64 A64 A64 A64 "com;" S H BH B, DKIM_SIG_DOMAIN, "d="},
    {V A D "s=a.b_c;" H BH B, DKIM_OK, ""},
    {V A D "s=a b;" H BH B, DKIM_SIG_DOMAIN, "s="},
    {V A D "s=a..b;" H BH B, DKIM_SIG_DOMAIN, "s="},
    {V A D "s=a.;" H BH B, DKIM_SIG_DOMAIN, "s="},
    {V A "d=" A64 "com;s=" A64 A64 A64 "abc;" H BH B, DKIM_SIG_DOMAIN, "s="},
    /* i= */
    {V A D S H BH B "i=@example.com", DKIM_OK, ""},
    {V A D S H BH B "i=user@eng.EXAMPLE.com", DKIM_OK, ""},
    {V A D S H BH B "i=\"a=40b\"@x@example.com", DKIM_OK, ""},
    {V A D S H BH B "i=us\r\n er=3Dx=20y@exam\r\n ple.com", DKIM_OK, ""}, /* 2.11: white space means nothing */
    {V A D S H BH B "i=J\xc3\xb6rg=C3=B6@example.com", DKIM_OK, ""},
    {V A D S H BH B "i=user@notexample.com", DKIM_SIG_IDENTITY, "i="},
    {V A "d=eng.example.com;" S H BH B "i=@example.com", DKIM_SIG_IDENTITY, "i="},
    {V A D S H BH B "i=user", DKIM_SIG_SYNTAX, "i="},
    {V A D S H BH B "i=", DKIM_SIG_SYNTAX, "i="},
    {V A D S H BH B "i=a=@example.com", DKIM_SIG_SYNTAX, "i="},
    {V A D S H BH B "i=a=4", DKIM_SIG_SYNTAX, "i="},
    {V A D S H BH B "i=a=00@example.com", DKIM_SIG_SYNTAX, "i="},
    {V A D S H BH B "i=a=FF@example.com", DKIM_SIG_SYNTAX, "i="},
    {V A D S H BH B "i=a@", DKIM_SIG_DOMAIN, "i="},
    {V A D S H BH B "i=a@example.com=00", DKIM_SIG_DOMAIN, "i="},
    {V A D S H BH B "i=a@x=28.example.com", DKIM_SIG_DOMAIN, "i="},
    {V A D S H BH B "i=a@example.com.", DKIM_SIG_DOMAIN, "i="},
    /* t=, x=, l= */
    {V A D S H BH B "t=1117574938; x=1118006938", DKIM_OK, ""},
    {V A D S H BH B "t=999999999999", DKIM_OK, ""},
    {V A D S H BH B "t=9999999999999", DKIM_SIG_SYNTAX, "t="}, /* 12 digits */
    {V A D S H BH B "t=-5", DKIM_SIG_SYNTAX, "t="},
    {V A D S H BH B "t=bogus", DKIM_SIG_SYNTAX, "t="},
    {V A D S H BH B "t=", DKIM_SIG_SYNTAX, "t="},
    {V A D S H BH B "t=1 2", DKIM_SIG_SYNTAX, "t="},
    {V A D S H BH B "x=0x12", DKIM_SIG_SYNTAX, "x="},
    {V A D S H BH B "x=0", DKIM_OK, ""}, /* expired, says the clock: not here */
    {V A D S H BH B "t=5; x=5", DKIM_SIG_EXPIRES_BEFORE_SIGNED, "x="},
    {V A D S H BH B "t=5; x=4", DKIM_SIG_EXPIRES_BEFORE_SIGNED, "x="},
    {V A D S H BH B "l=0", DKIM_OK, ""},
    {V A D S H BH B "l=+1", DKIM_SIG_SYNTAX, "l="},
    {V A D S H BH B "l=1234567890123456789012345678901234567890123456789012345678901234567890123456", DKIM_OK, ""},
    {V A D S H BH B "l=12345678901234567890123456789012345678901234567890123456789012345678901234567", DKIM_SIG_SYNTAX,
     "l="}, /* 76 digits */
    /* h= */
    {V A D S "h=from\r\n : to;" BH B, DKIM_OK, ""},
    {V A D S "h=To:Subject:Fromm;" BH B, DKIM_SIG_FROM_UNSIGNED, "h="}, /* 5.4 */
    {V A D S "h=From:;" BH B, DKIM_SIG_SYNTAX, "h="},
    {V A D S "h=From::To;" BH B, DKIM_SIG_SYNTAX, "h="},
    {V A D S "h=From To;" BH B, DKIM_SIG_SYNTAX, "h="},
    {V A D S "h=From:\xc3\xa9;" BH B, DKIM_SIG_SYNTAX, "h="},
    {V A D S "h=" X900 X10 X10 X10 X10 X10 X10 X10 X10 X10 "x:x:x:x:x:x:x:x:x:From;" BH B, DKIM_OK, ""},
    {V A D S "h=" X900 X100 "From;" BH B, DKIM_SIG_SYNTAX, "h="},
    /* bh=, b= */
    {V A D S H "bh= 2jUSOH9NhtVGCQWNr9BrIAPre\r\n\t KQjO6Sn7XIkfJVOzv8 =;" B, DKIM_OK, ""},
    {V A D S H "bh=QUJD;" B, DKIM_SIG_SYNTAX, "bh="},
    {V A D S H "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8;" B, DKIM_SIG_SYNTAX, "bh="},
    {V A D S H "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv-=;" B, DKIM_SIG_SYNTAX, "bh="},
    {V A D S H BH "b=QUJ;", DKIM_SIG_SYNTAX, "b="},
    {V A D S H BH "b=Q*JD;", DKIM_SIG_SYNTAX, "b="},
    /* a= */
    {V "a=RSA-SHA256;" D S H BH B, DKIM_OK, ""},
    {V "a=ed25519-sha256;" D S H BH B, DKIM_OK, ""}, /* RFC 8463 */
    {V "a=ed25519-sha256;" D S H "bh=QUJD;" B, DKIM_SIG_SYNTAX, "bh="},
    {V "a=rsa-sha1;" D S H "bh=2jmj7l5rSw0yVb/vlWAYkK/YBwk=;" B, DKIM_SIG_SHA1, "a="}, /* RFC 8301 */
    {V "a=rsa-sha512;" D S H "bh=QUJD;" B, DKIM_SIG_ALGORITHM, "a="},
    {V "a=rsa sha256;" D S H BH B, DKIM_SIG_ALGORITHM, "a="},
    /* of several the first in the header's order */
    {"v=2;a=rsa-sha1;d=x;" S "h=To;" B "t=x;i=", DKIM_SIG_MISSING_TAG, "bh="},
    {"v=2;a=rsa-sha1;d=x;" S "h=To;" BH B "t=x;i=", DKIM_SIG_VERSION, "v="},
    {V "a=rsa-sha1;d=x;" S "h=To;" BH B "t=x;i=", DKIM_SIG_DOMAIN, "d="},
    {V "a=rsa-sha1;" D S "h=To;" BH B "t=x;i=@b.example", DKIM_SIG_IDENTITY, "i="},
    {V "a=rsa-sha1;" D S "h=To;" BH B "t=x", DKIM_SIG_SYNTAX, "t="},
    {V "a=md5;" D S "h=To;" BH B, DKIM_SIG_FROM_UNSIGNED, "h="},
};

struct subject {
    char *octets;
    struct header_field field;
    struct arena *arena;
};

/* The field in a buffer of exactly its size. */
static struct subject make(struct span body) {
    static const char name[] = "DKIM-Signature:";
    struct subject subject = {.octets = malloc(sizeof name - 1 + body.len), .arena = arena_create(1 << 20)};
    assert_non_null(subject.octets);
    assert_non_null(subject.arena);
    memcpy(subject.octets, name, sizeof name - 1);
    if (body.len > 0) memcpy(subject.octets + sizeof name - 1, body.ptr, body.len);
    subject.field.raw = (struct span){subject.octets, sizeof name - 1 + body.len};
    subject.field.name = span_first(subject.field.raw, sizeof name - 2);
    subject.field.body = span_after(subject.field.raw, sizeof name - 1);
    return subject;
}

static void discard(struct subject *subject) {
    arena_destroy(subject->arena);
    free(subject->octets);
}

static void every_row_gets_its_code(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dkim_signature signature;
        struct subject subject = make(span_of(rows[i].body));
        assert_true(dkim_signature_parse(&subject.field, subject.arena, &signature));
        if (signature.code != rows[i].want || !span_is(signature.detail, rows[i].detail))
            fail_msg("row %zu, %.60s: %s, %.*s", i, rows[i].body, dkim_code_word(signature.code),
                     (int)signature.detail.len, signature.detail.len > 0 ? signature.detail.ptr : "");
        discard(&subject);
    }
}

static void nul_is_no_end(void **state) {
    (void)state;
    static const char with_nul[] = V A D S H BH B "y=\0";
    struct dkim_signature signature;
    struct subject subject = make((struct span){with_nul, sizeof with_nul - 1});
    assert_true(dkim_signature_parse(&subject.field, subject.arena, &signature));
    assert_int_equal(signature.code, DKIM_SIG_SYNTAX);
    discard(&subject);
}

#define ASSERT_SPAN(span, text)                                                                                        \
    do                                                                                                                 \
        if (!span_is(span, text)) fail_msg("%s: %.*s", #span, (int)(span).len, (span).len > 0 ? (span).ptr : "");      \
    while (0)

/* RFC 6376 appendix A.2 */
static void the_example_of_the_rfc_is_read_whole(void **state) {
    (void)state;
    struct dkim_signature signature;
    struct subject subject = make(span_of(
        " v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
        "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
        "      h=Received : From : To : Subject : Date : Message-ID;\r\n"
        "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
        "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
        "      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
        "      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
        "      4bmp/YzhwvcubU4=;"));
    assert_true(dkim_signature_parse(&subject.field, subject.arena, &signature));
    assert_int_equal(signature.code, DKIM_OK);
    ASSERT_SPAN(signature.domain, "example.com");
    ASSERT_SPAN(signature.domain_ascii, "example.com");
    ASSERT_SPAN(signature.selector, "brisbane");
    ASSERT_SPAN(signature.key_name, "brisbane._domainkey.example.com");
    ASSERT_SPAN(signature.auid, "joe@football.example.com");
    ASSERT_SPAN(signature.auid_domain_ascii, "football.example.com");
    ASSERT_SPAN(signature.algorithm, "rsa-sha256");
    assert_int_equal(signature.key_algorithm, KEY_RSA);
    assert_false(signature.sha1);
    assert_int_equal(signature.header_canon, CANON_SIMPLE);
    assert_int_equal(signature.body_canon, CANON_SIMPLE);
    assert_int_equal(signature.body_hash.len, 32);
    assert_int_equal((unsigned char)signature.body_hash.ptr[0], 0xda);
    assert_int_equal((unsigned char)signature.body_hash.ptr[31], 0xff);
    assert_int_equal(signature.signature.len, 128);
    assert_int_equal((unsigned char)signature.signature.ptr[0], 0x02);
    assert_int_equal((unsigned char)signature.signature.ptr[127], 0x4e);
    assert_int_equal(signature.signature_text.len, 172);
    ASSERT_SPAN(span_after(signature.signature_text, 156), "4bmp/YzhwvcubU4=");
    assert_int_equal(signature.signed_count, 6);
    ASSERT_SPAN(signature.signed_names[0], "Received");
    ASSERT_SPAN(signature.signed_names[5], "Message-ID");
    assert_false(signature.has_body_limit || signature.has_timestamp || signature.has_expiration);
    discard(&subject);
}

static void absent_tags_have_their_defaults(void **state) {
    (void)state;
    struct dkim_signature signature;
    struct subject subject = make(span_of(V "a=ed25519-sha256;d=" U ".Example;s=S1;" H BH B));
    assert_true(dkim_signature_parse(&subject.field, subject.arena, &signature));
    assert_int_equal(signature.code, DKIM_OK);
    ASSERT_SPAN(signature.auid, "@" U ".Example");
    ASSERT_SPAN(signature.auid_domain_ascii, "xn--bcher-kva.example");
    ASSERT_SPAN(signature.domain, U ".Example");
    ASSERT_SPAN(signature.domain_ascii, "xn--bcher-kva.example");
    ASSERT_SPAN(signature.key_name, "s1._domainkey.xn--bcher-kva.example");
    assert_int_equal(signature.key_algorithm, KEY_ED25519);
    assert_int_equal(signature.header_canon, CANON_SIMPLE);
    assert_int_equal(signature.body_canon, CANON_SIMPLE);
    discard(&subject);
}

static void values_are_decoded(void **state) {
    (void)state;
    struct dkim_signature signature;
    struct subject subject =
        make(span_of(V A D S H BH B "i=a=3Db=20\r\n c@X.example.com; c=relaxed; t=0; x=999999999999; l=0"));
    assert_true(dkim_signature_parse(&subject.field, subject.arena, &signature));
    assert_int_equal(signature.code, DKIM_OK);
    ASSERT_SPAN(signature.auid, "a=b c@X.example.com");
    ASSERT_SPAN(signature.auid_domain_ascii, "x.example.com");
    assert_int_equal(signature.header_canon, CANON_RELAXED);
    assert_int_equal(signature.body_canon, CANON_SIMPLE); /* 3.5: c=relaxed speaks of the header section only */
    assert_true(signature.has_timestamp && signature.has_expiration && signature.has_body_limit);
    assert_true(signature.timestamp_s == 0 && signature.expiration_s == 999999999999 && signature.body_limit == 0);
    discard(&subject);
}

static void a_huge_body_limit_stays_at_the_most(void **state) {
    (void)state;
    static const struct { const char *digits; uint64_t want; } limits[] = {
        {"18446744073709551614", UINT64_MAX - 1},
        {"18446744073709551615", UINT64_MAX},
        {"18446744073709551616", UINT64_MAX},
        {"99999999999999999999", UINT64_MAX},
        {"0000000000000000000000000000000000000000000000000000000000000000000000000012", 12},
        {"184467440737095516160000000000", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        char body[512];
        int len = snprintf(body, sizeof body, V A D S H BH B "l=%s", limits[i].digits);
        struct dkim_signature signature;
        struct subject subject = make((struct span){body, (size_t)len});
        assert_true(dkim_signature_parse(&subject.field, subject.arena, &signature));
        if (!signature.has_body_limit || signature.body_limit != limits[i].want) fail_msg("l=%s", limits[i].digits);
        discard(&subject);
    }
}

/* 3.7: all of the value goes, the white space around it included. */
static void the_raw_signature_value_is_found(void **state) {
    (void)state;
    static const struct { const char *body; size_t before, len; } places[] = {
        {V A D S H BH "b=QUJD", sizeof(V A D S H BH "b=") - 1, 4},
        {V A D S H BH "b = \r\n\tQU\r\n JD \r\n ;y=b=", sizeof(V A D S H BH "b =") - 1, 15},
        {"b=QUJD; " V A D S H BH, 2, 4},
        {V A D S H "b= QUJD\r\n ;" BH, sizeof(V A D S H "b=") - 1, 8},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct dkim_signature signature;
        struct subject subject = make(span_of(places[i].body));
        assert_true(dkim_signature_parse(&subject.field, subject.arena, &signature));
        assert_int_equal(signature.code, DKIM_OK);
        assert_ptr_equal(signature.signature_value.ptr, subject.field.body.ptr + places[i].before);
        assert_int_equal(signature.signature_value.len, places[i].len);
        ASSERT_SPAN(signature.signature, "ABC");
        ASSERT_SPAN(signature.signature_text, "QUJD");
        discard(&subject);
    }
}

static void a_broken_field_still_tells_its_names(void **state) {
    (void)state;
    static const struct { const char *body; const char *domain, *selector, *auid; } broken[] = {
        {D D "v=1; ; \x01; s=x; i=a@b.example", "example.com", "x", "a@b.example"},
        {"d=a(b;s=c d", "a(b", "c d", "@a(b"},
        {"s=sel", "", "sel", ""},
        {D "i=nothing", "example.com", "", "@example.com"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct dkim_signature signature;
        struct subject subject = make(span_of(broken[i].body));
        assert_true(dkim_signature_parse(&subject.field, subject.arena, &signature));
        assert_int_not_equal(signature.code, DKIM_OK);
        ASSERT_SPAN(signature.domain, broken[i].domain);
        ASSERT_SPAN(signature.selector, broken[i].selector);
        ASSERT_SPAN(signature.auid, broken[i].auid);
        discard(&subject);
    }
}

static void a_spent_arena_is_no_verdict(void **state) {
    (void)state;
    struct dkim_signature signature;
    struct subject subject = make(span_of(V A D S H BH B));
    bool parsed = false;
    size_t refused = 0;
    for (size_t cap = 1; !parsed; cap++) { /* below what it takes: false, at every place where it can happen */
        struct arena *arena = arena_create(cap);
        assert_non_null(arena);
        parsed = dkim_signature_parse(&subject.field, arena, &signature);
        refused += !parsed;
        arena_destroy(arena);
    }
    assert_int_equal(signature.code, DKIM_OK);
    assert_true(refused > 100);
    discard(&subject);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_gets_its_code),
        cmocka_unit_test(nul_is_no_end),
        cmocka_unit_test(the_example_of_the_rfc_is_read_whole),
        cmocka_unit_test(absent_tags_have_their_defaults),
        cmocka_unit_test(values_are_decoded),
        cmocka_unit_test(a_huge_body_limit_stays_at_the_most),
        cmocka_unit_test(the_raw_signature_value_is_found),
        cmocka_unit_test(a_broken_field_still_tells_its_names),
        cmocka_unit_test(a_spent_arena_is_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
