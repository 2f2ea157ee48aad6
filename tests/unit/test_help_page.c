#include "http/help_page.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "http/tag_text.h"

static char *page(enum language language) {
    const struct http_sources sources = {.build = {.version = "1"}};
    const struct http_request request = {.sources = &sources};
    struct http_reply reply = http_reply_make();
    help_page_write(&request, &reply, language);
    assert_false(reply.body.failed);
    bytes_append_char(&reply.body, '\0');
    char *text = reply.body.ptr;
    reply.body = bytes_with_cap(1);
    http_reply_release(&reply);
    return text;
}

/* Exactly one element of the page has this id. */
static void expect_anchor(const char *text, const char *prefix, const char *name) {
    char id[96];
    snprintf(id, sizeof id, " id=\"%s%s\"", prefix, name);
    const char *first = strstr(text, id);
    if (first == NULL || strstr(first + 1, id) != NULL) fail_msg("%s: %s", id, first == NULL ? "missing" : "twice");
}

static void everything_has_its_anchor(void **state) {
    (void)state;
    for (unsigned language = 0; language < LANGUAGE_COUNT; language++) {
        char *text = page((enum language)language), prefix[32];
        for (unsigned i = 0; i < FINDING_COUNT; i++) expect_anchor(text, "", finding_name((enum finding_id)i));
        for (unsigned i = 0; i < CAUSE_COUNT; i++) expect_anchor(text, "cause-", cause_word((enum cause)i));
        for (unsigned i = 0; i < DKIM_CODE_COUNT; i++) expect_anchor(text, "dkim-", dkim_code_word((enum dkim_code)i));
        for (unsigned i = 0; i < SPF_CODE_COUNT; i++) expect_anchor(text, "spf-", spf_code_word((enum spf_code)i));
        for (unsigned i = 0; i < ARC_CODE_COUNT; i++) expect_anchor(text, "arc-", arc_code_word((enum arc_code)i));
        for (unsigned i = 0; i < DMARC_CODE_COUNT; i++)
            expect_anchor(text, "dmarc-", dmarc_code_word((enum dmarc_code)i));
        for (size_t i = 0; i < tag_text_count; i++) {
            snprintf(prefix, sizeof prefix, "tag-%s-", tag_text_list_word(tag_texts[i].list));
            expect_anchor(text, prefix, tag_texts[i].tag);
        }
        free(text);
    }
}

/* Places of sentences are words in the reader's language, never braces. */
static void places_are_named(void **state) {
    (void)state;
    char *french = page(LANGUAGE_FR), *english = page(LANGUAGE_EN);
    assert_null(strchr(french, '{'));
    assert_null(strchr(english, '{'));
    assert_null(strstr(french, "<var></var>"));
    assert_non_null(strstr(french, "sous <var>nom</var>"));
    assert_non_null(strstr(english, "at <var>name</var>"));
    assert_non_null(strstr(french, "href=\"/en/help\""));
    assert_non_null(strstr(english, "href=\"/fr/aide\""));
    free(french);
    free(english);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything_has_its_anchor), cmocka_unit_test(places_are_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
