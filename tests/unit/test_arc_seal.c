#include "verifier/arc_seal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/pem_key.h"
#include "verifier/arc_set.h"
#include "verifier/authserv_id.h"

/* What is in the fields; that they verify is test_arc_check's and test_arc_chains.py's business. */

static struct pem_key rsa_file, ed25519_file;
static struct sealing_key *rsa, *ed25519;
static const uint8_t body_hash[DIGEST_OCTETS];
static const struct arc_result no_chain = {.is_evaluated = true, .result = RESULT_NONE, .code = ARC_NO_SETS},
                               passed = {.is_evaluated = true, .result = RESULT_PASS, .code = ARC_OK},
                               failed = {.is_evaluated = true, .result = RESULT_FAIL, .code = ARC_SEAL},
                               failed_before = {
                                   .is_evaluated = true, .result = RESULT_FAIL, .code = ARC_CV, .was_failed = true};

static int make_keys(void **state) {
    (void)state;
    pem_key_make(&rsa_file, 2048);
    pem_key_make(&ed25519_file, 0);
    return sealing_key_load(rsa_file.path, &rsa) == SEALING_KEY_OK &&
                   sealing_key_load(ed25519_file.path, &ed25519) == SEALING_KEY_OK
               ? 0
               : -1;
}

static int remove_keys(void **state) {
    (void)state;
    sealing_key_release(rsa), sealing_key_release(ed25519);
    pem_key_remove(&rsa_file), pem_key_remove(&ed25519_file);
    return 0;
}

static struct header_section section_of(const char *text) {
    struct header_section section;
    size_t taken;
    header_section_init(&section, header_limits_default);
    header_section_update(&section, span_of(text), &taken);
    assert_int_equal(header_section_finish(&section), HEADER_COMPLETE);
    return section;
}

/* The fields, or why there are none, as a C string to be freed. */
static char *sealed(const char *head, const struct arc_result *arc, const struct sealing_key *key, const char *names,
                    bool plain) {
    struct header_section section = section_of(head);
    struct bytes out = bytes_with_cap(1 << 20);
    struct arc_seal_request request = {.section = &section,
                                       .body_hash = body_hash,
                                       .arc = arc,
                                       .results = span_of(" mx.example;\r\n\tspf=pass\r\n"),
                                       .domain = span_of("d.example"),
                                       .selector = span_of("sel"),
                                       .key = key,
                                       .now_s = 1700000000,
                                       .signed_names = span_of(names),
                                       .plain = plain};
    enum arc_seal_status status = arc_seal_write(&out, &request);
    if (status != ARC_SEAL_ADDED) {
        assert_int_equal(out.len, 0);
        bytes_append_text(&out, arc_seal_status_text(status));
    }
    bytes_append_char(&out, '\0');
    header_section_release(&section);
    return out.ptr;
}

#define SET(i, cv)                                                                                                     \
    "ARC-Seal: i=" i "; a=rsa-sha256; cv=" cv "; d=d.example; s=s; b=AAAA\r\n"                                         \
    "ARC-Message-Signature: i=" i                                                                                      \
    "; a=rsa-sha256; d=d.example; s=s; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; "                      \
    "b=AAAA\r\nARC-Authentication-Results: i=" i "; mx.example; none\r\n"
#define FROM "From: a@b.example\r\n"

static const struct row {
    const char *name, *head;
    const struct arc_result *arc;
    const char *names;
    bool plain;
    const char *wanted[4]; /* all of them stand in what is written */
    const char *unwanted;
} rows[] = {
    {"first",
     FROM,
     &no_chain,
     "",
     false,
     {"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=d.example; s=sel; t=1700000000;\r\n\tb=",
      "ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=d.example;", "\th=from:from;",
      "ARC-Authentication-Results: i=1; mx.example;\r\n\tspf=pass\r\n"},
     NULL},
    {"second",
     SET("1", "none") FROM,
     &passed,
     "",
     false,
     {"ARC-Seal: i=2; a=rsa-sha256; cv=pass;", "i=2; mx.example"},
     NULL},
    {"plain",
     FROM,
     &no_chain,
     "date:from",
     true,
     {"ARC-Seal: a=rsa-sha256; b=", "; cv=none; d=d.example; i=1; s=sel; t=1700000000\r\n",
      "; c=relaxed/relaxed; d=d.example; h=date:from; i=1; s=sel; t=1700000000\r\n",
      "ARC-Authentication-Results: i=1; mx.example; spf=pass\r\n"},
     "\t"},
    {"a broken chain is sealed as such",
     SET("1", "none") FROM,
     &failed,
     "",
     false,
     {"i=2; a=rsa-sha256; cv=fail;"},
     NULL},
    {"a structure that is not whole, whatever is claimed",
     "ARC-Seal: i=4\r\n" FROM,
     &passed,
     "",
     false,
     {"i=5; a=rsa-sha256; cv=fail;"},
     NULL},
    {"no instance to count from", "ARC-Seal: x\r\n" FROM, &failed, "", false, {"i=1; a=rsa-sha256; cv=fail;"}, NULL},
    {"a chain that says that it failed",
     SET("1", "fail") FROM,
     &failed_before,
     "",
     false,
     {"the chain says itself that it is broken"},
     "ARC-"},
    {"one that says it, though we are told otherwise",
     SET("2", "fail") SET("1", "none") FROM,
     &passed,
     "",
     false,
     {"the chain says itself that it is broken"},
     "ARC-"},
    {"instance 50 is there",
     "ARC-Seal: i=50; cv=pass\r\n" FROM,
     &failed,
     "",
     false,
     {"the chain has as many sets as there may be"},
     "ARC-"},
    {"what occurs once is over-signed, what may occur again is not",
     FROM "DKIM-Signature: x\r\nDKIM-Signature: y\r\nTo: c@d\r\nList-Id: <l>\r\nReceived: x\r\n"
          "Authentication-Results: mx; none\r\nX-Own: 1\r\n",
     &no_chain,
     "",
     false,
     {"h=from:from:to:to:list-id:dkim-signature:dkim-signature;"},
     NULL},
    {"not even From", "X-Own: 1\r\n", &no_chain, "", false, {"\th=from;"}, NULL},
};

static void every_row_is_written_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = sealed(rows[i].head, rows[i].arc, rsa, rows[i].names, rows[i].plain);
        for (size_t k = 0; k < 4 && rows[i].wanted[k] != NULL; k++)
            if (strstr(text, rows[i].wanted[k]) == NULL)
                fail_msg("%s: no \"%s\" in\n%s", rows[i].name, rows[i].wanted[k], text);
        if (rows[i].unwanted != NULL && strstr(text, rows[i].unwanted) != NULL) fail_msg("%s:\n%s", rows[i].name, text);
        free(text);
    }
}

/* Lines of at most 78 octets, whatever the key and the number of fields; read back as one sound set. */
static void lines_are_short_and_read_back(void **state) {
    (void)state;
    char head[8192] = FROM;
    for (int times = 0; times < 12; times++) {
        for (int k = 0; k < 2; k++) {
            char *text = sealed(head, &no_chain, k == 0 ? rsa : ed25519, "", false);
            for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
                if (strcspn(line, "\r") > 78) fail_msg("a line of %zu octets in\n%s", strcspn(line, "\r"), text);
            struct header_section section = section_of(text);
            struct arena *arena = arena_create(1 << 20);
            struct arc_chain chain;
            assert_int_equal(section.count, 3);
            assert_true(arc_set_collect(&section, arena, &chain));
            assert_int_equal(chain.code, ARC_OK);
            assert_int_equal(chain.set[0].message_signature.key_algorithm, k == 0 ? KEY_RSA : KEY_ED25519);
            arena_destroy(arena);
            header_section_release(&section);
            free(text);
        }
        snprintf(head + strlen(head), sizeof head - strlen(head), "List-Unsubscribe-Post: %d\r\nDKIM-Signature: %d\r\n",
                 times, times);
    }
}

static void names_that_may_be_signed(void **state) {
    (void)state;
    static const struct {
        const char *names;
        bool may;
    } names[] = {
        {"from", true},
        {"from:to:x-own", true},
        {"FROM:From", true},
        {"", false},
        {":", false},
        {"from:", false},
        {":from", false},
        {"from::to", false},
        {"from: to", false},
        {"from;", false},
        {"from:arc-seal", false},
        {"ARC-Anything", false},
        {"from:Authentication-Results", false},
        {"from\r\n", false},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (arc_seal_may_sign(span_of(names[i].names)) != names[i].may) fail_msg("\"%s\"", names[i].names);
}

static void results_are_merged(void **state) {
    (void)state;
    static const struct {
        const char *head, *wanted;
    } merges[] = {
        {"Authentication-Results: mx.example; spf=pass smtp.mailfrom=a.example\r\n",
         "mx.example; spf=pass smtp.mailfrom=a.example"},
        {"Authentication-Results: mx.example; arc=none;\r\n  spf=pass\r\nSubject: x\r\nAuthentication-Results: "
         "MX.example; dkim=fail\r\n",
         "mx.example; arc=none; spf=pass; dkim=fail"},
        {"Authentication-Results: other.example; spf=pass\r\nAuthentication-Results: mx.example; spf=fail\r\n",
         "mx.example; spf=fail"},
        {"Authentication-Results: mx.example; spf=pa\nss\r\nAuthentication-Results: mx.example; dkim=pass\r\n",
         "mx.example; dkim=pass"},
        {"Authentication-Results: mx.example; none\r\n", NULL},
        {"Authentication-Results: other.example; spf=pass\r\n", NULL},
        {"Authentication-Results: mx.example; ;;\r\n", NULL},
        {"Subject: x\r\n", NULL},
    };
    struct authserv_id id;
    assert_true(authserv_id_init(&id, span_of("mx.example")));
    for (size_t i = 0; i < sizeof merges / sizeof *merges; i++) {
        struct header_section section = section_of(merges[i].head);
        struct bytes out = bytes_with_cap(4096);
        bool any = arc_seal_merge_results(&out, &section, &id);
        if (any != (merges[i].wanted != NULL) || (any && !span_is(bytes_span(&out), merges[i].wanted)))
            fail_msg("%s: \"%.*s\"", merges[i].head, (int)out.len, out.ptr);
        bytes_release(&out);
        header_section_release(&section);
    }
}

static void no_room_is_told(void **state) {
    (void)state;
    struct header_section section = section_of(FROM);
    struct arc_seal_request request = {.section = &section,
                                       .body_hash = body_hash,
                                       .arc = &no_chain,
                                       .results = span_of("mx; none"),
                                       .domain = span_of("d.example"),
                                       .selector = span_of("s"),
                                       .key = ed25519};
    for (size_t cap = 0; cap < 400; cap += 16) {
        struct bytes out = bytes_with_cap(cap);
        assert_int_equal(arc_seal_write(&out, &request), ARC_SEAL_NO_MEMORY);
        assert_int_equal(out.len, 0);
        bytes_release(&out);
    }
    header_section_release(&section);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_written_as_wanted),
                                       cmocka_unit_test(lines_are_short_and_read_back),
                                       cmocka_unit_test(names_that_may_be_signed), cmocka_unit_test(results_are_merged),
                                       cmocka_unit_test(no_room_is_told)};
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
