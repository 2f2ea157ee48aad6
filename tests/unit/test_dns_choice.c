#include "verifier/dns_choice.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/loop.h"

static char zone_path[] = "/tmp/sceau-zone.XXXXXX", second_path[] = "/tmp/sceau-zone.XXXXXX",
            faults_path[] = "/tmp/sceau-faults.XXXXXX";

static void write_file(char *path, const char *text) {
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static int write_files(void **state) {
    (void)state;
    write_file(zone_path, "a.test. TXT x\nc.test. CNAME b.test.\n");
    write_file(second_path, "b.test. TXT y\n");
    write_file(faults_path, "{\"f.test TXT\": \"servfail\"}");
    return 0;
}

static int remove_files(void **state) {
    (void)state;
    return unlink(zone_path) + unlink(second_path) + unlink(faults_path);
}

static enum dns_status status_of(struct dns_choice *choice, const char *name) {
    struct dns_query query = {0};
    struct dns_answer answer;
    assert_int_equal(dns_lookup(dns_choice_source(choice), span_of(name), DNS_TXT, &query, &answer), DNS_ANSWERED);
    return answer.status;
}

static void zone_files_answer_everything(void **state) {
    (void)state;
    const char *zones[] = {zone_path, second_path}, *faults[] = {faults_path};
    char *error;
    struct loop *loop = loop_create();
    struct dns_choice *choice = dns_choice_create(
        loop,
        &(struct dns_choice_options){
            .zone_count = 2, .zone = zones, .faults_count = 1, .faults = faults, .trust_anchor = "none"},
        &error);
    if (choice == NULL) fail_msg("%s", error);
    assert_int_equal(status_of(choice, "a.test"), DNS_FOUND);
    assert_int_equal(status_of(choice, "c.test"), DNS_FOUND);
    assert_int_equal(status_of(choice, "f.test"), DNS_SERVFAIL);
    assert_int_equal(status_of(choice, "example.com"), DNS_NXDOMAIN);
    dns_choice_destroy(choice);
    loop_destroy(loop);
}

static void without_zone_files_it_is_the_network(void **state) {
    (void)state;
    const char *forward[] = {"127.0.0.1@9"}, *stub[] = {"x.test=127.0.0.1@9"};
    char *error;
    struct loop *loop = loop_create();
    struct dns_choice_options options = {
        .forward_count = 1, .forward = forward, .stub_count = 1, .stub = stub, .trust_anchor = "none"};
    struct dns_choice *choice = dns_choice_create(loop, &options, &error);
    if (choice == NULL) fail_msg("%s", error);
    struct dns_query query = {0};
    struct dns_answer answer;
    assert_int_equal(dns_lookup(dns_choice_source(choice), span_of("a.x.test"), DNS_TXT, &query, &answer), DNS_PENDING);
    dns_choice_destroy(choice);
    loop_destroy(loop);
    dns_choice_destroy(NULL);
}

static void bad_choices_are_one_sentence(void **state) {
    (void)state;
    const char *zones[] = {zone_path}, *missing[] = {"/nonexistent/zone"}, *stub[] = {"x.test=127.0.0.1@9"};
    const struct {
        struct dns_choice_options options;
        const char *error;
    } rows[] = {
        {{.faults_count = 1, .faults = zones}, "faults belong to zone files: name one, too"},
        {{.zone_count = 1, .zone = zones, .stub_count = 1, .stub = stub},
         "zone files answer everything: they cannot be combined with forwarders or stubs"},
        {{.zone_count = 1, .zone = missing}, "/nonexistent/zone: No such file or directory"},
        {{.zone_count = 1, .zone = zones, .faults_count = 1, .faults = missing},
         "/nonexistent/zone: No such file or directory"},
        {{.trust_anchor = "/nonexistent/anchor"}, "/nonexistent/anchor: No such file or directory"},
    };
    struct loop *loop = loop_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *error = NULL;
        assert_null(dns_choice_create(loop, &rows[i].options, &error));
        assert_string_equal(error, rows[i].error);
        free(error);
    }
    loop_destroy(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zone_files_answer_everything),
        cmocka_unit_test(without_zone_files_it_is_the_network),
        cmocka_unit_test(bad_choices_are_one_sentence),
    };
    return cmocka_run_group_tests(tests, write_files, remove_files);
}
