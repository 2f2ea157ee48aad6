#include "proxy/rule_config.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/named_counts.h"
#include "base/options.h"
#include "rules/rule_set.h"

static char path[] = "/tmp/sceau-test-rules-XXXXXX";

static void put(const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static struct options *options_with(const char *quarantine) {
    struct options *options = options_create();
    assert_non_null(options);
    options->rules_file = (struct string_list){1, calloc(1, sizeof(char *))};
    options->rules_file.item[0] = strdup(path);
    if (quarantine == NULL) return options;
    options->rules_quarantine = (struct string_list){1, calloc(1, sizeof(char *))};
    options->rules_quarantine.item[0] = strdup(quarantine);
    return options;
}

static void counts_outlive_a_configuration(void **state) {
    struct named_counts *counts = named_counts_create(10);
    struct options *options = options_with(NULL);
    char *error;
    (void)state;
    put("rule \"a\" { when recipients > 0 then accept }\nrule \"b\" { when recipients > 0 then accept }\n");
    struct rule_config *before = rule_config_create(options, counts, &error);
    assert_non_null(before);
    assert_int_equal(rule_set_count(before->set), 2);
    rule_config_count(before, 1, RULE_COUNT_HITS);
    rule_config_count(before, 2, RULE_COUNT_HITS); /* there is none: no harm */
    rule_config_count(before, RULE_NONE, RULE_COUNT_ERRORS);
    put("rule \"b\" { when recipients > 0 then accept }\n");
    struct rule_config *after = rule_config_create(options, counts, &error);
    assert_ptr_equal(after->row[0], before->row[1]);
    rule_config_destroy(before);
    assert_int_equal(after->row[0]->count[RULE_COUNT_HITS], 1);
    rule_config_destroy(after);
    rule_config_destroy(NULL);
    options_release(options);
    named_counts_destroy(counts);
}

static void a_quarantine_has_a_name(void **state) {
    struct options *options = options_with("junk=maildir:/var/junk");
    char *error;
    (void)state;
    put("");
    struct rule_config *config = rule_config_create(options, NULL, &error);
    assert_non_null(config);
    assert_string_equal(rule_config_quarantine(config, span_of("junk")), "/var/junk");
    assert_null(rule_config_quarantine(config, span_of("jun")));
    assert_null(rule_config_quarantine(config, span_of("junk=maildir:")));
    assert_null(rule_config_quarantine(config, (struct span){NULL, 0}));
    rule_config_destroy(config);
    options_release(options);
}

static void expect_error(const char *text, const char *place, const char *end) {
    struct options *options = options_with(NULL);
    char *error, want[200];
    if (text != NULL) put(text);
    assert_null(rule_config_create(options, NULL, &error));
    (void)snprintf(want, sizeof want, "'file' in rules: %s:%s", path, place);
    if (error == NULL || strncmp(error, want, strlen(want)) != 0 || strstr(error, end) == NULL) fail_msg("%s", error);
    free(error);
    options_release(options);
}

static void mistakes_are_named_with_their_place(void **state) {
    (void)state;
    expect_error("rule \"a\" {\n  when recipients > 0 then acept\n}\n", "2:28: ", "accept");
    expect_error("rule \"a\" { when x > 0 then accept }\nrule \"b\" { when y > 0 then accept }\n", "1:17: ", "(and 1 more)");
    assert_int_equal(unlink(path), 0);
    expect_error(NULL, " ", "No such file");
}

static void without_files_there_are_no_rules(void **state) {
    struct options *options = options_create();
    char *error;
    (void)state;
    struct rule_config *config = rule_config_create(options, NULL, &error);
    assert_non_null(config);
    assert_null(config->set);
    rule_config_destroy(config);
    options_release(options);
}

static int make_file(void **state) {
    int fd = mkstemp(path);
    (void)state;
    return fd >= 0 ? close(fd) : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_outlive_a_configuration),
        cmocka_unit_test(a_quarantine_has_a_name),
        cmocka_unit_test(without_files_there_are_no_rules),
        cmocka_unit_test(mistakes_are_named_with_their_place), /* last: the file is gone */
    };
    return cmocka_run_group_tests(tests, make_file, NULL);
}
