#include "http/exposition.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/metrics.h"
#include "base/named_counts.h"
#include "http/domain_stats.h"

struct scene {
    struct metrics *metrics;
    struct metrics_worker *worker;
    struct domain_stats *domains;
    struct domain_stats_worker *domain_worker;
    struct exposition_source source;
    struct named_count *rule;
};

static struct scene scene_open(void) {
    struct scene scene = {.metrics = metrics_create(), .domains = domain_stats_create(100, &clock_system)};
    scene.worker = metrics_worker_create(scene.metrics);
    scene.domain_worker = domain_stats_worker_create(scene.domains);
    scene.source = (struct exposition_source){scene.metrics, scene.domains, {"0.1\"\\\n", "abc", "3.0.22", NULL},
                                             named_counts_create(2)};
    scene.rule = named_counts_acquire(scene.source.rule_counts, span_of("bank \"must\" sign"));
    named_count_add(scene.rule, 0);
    named_count_add(scene.rule, 2);
    metrics_add(scene.worker, METRIC_MESSAGES, METRIC_VERDICT_ACCEPT, 0, 5);
    metrics_count(scene.worker, METRIC_DKIM_SIGNATURES, METRIC_SIGNATURE_PASS, METRIC_KEY_CLASS_RSA_2048);
    metrics_observe(scene.worker, METRIC_VERIFY_DURATION, 0, 700);
    metrics_observe(scene.worker, METRIC_VERIFY_DURATION, 0, 1500050);
    metrics_observe(scene.worker, METRIC_MESSAGE_SIZE, 0, 2000);
    metrics_move(scene.worker, METRIC_SESSIONS, -1);
    domain_stats_add(scene.domain_worker, span_of("a.example"), true, DOMAIN_PASS);
    domain_stats_add(scene.domain_worker, span_of("other"), true, DOMAIN_FAIL); /* d=other cannot double a series */
    return scene;
}

static void scene_close(struct scene *scene) {
    metrics_destroy(scene->metrics);
    domain_stats_destroy(scene->domains);
    named_counts_release(scene->source.rule_counts, scene->rule);
    named_counts_destroy(scene->source.rule_counts);
}

/* The whole text with a final NUL; the caller releases it. */
static struct bytes write_all(const struct scene *scene, enum exposition_format format) {
    struct bytes out = bytes_with_cap(4 << 20);
    assert_true(exposition_write(&scene->source, format, &out));
    bytes_append_char(&out, '\0');
    return out;
}

static const char *const wanted_in_both[] = {
    "\nsceau_messages_total{verdict=\"accept\"} 5\n",
    "\nsceau_messages_total{verdict=\"tempfail\"} 0\n", /* there from the start */
    "\nsceau_dkim_signatures_total{result=\"pass\",key=\"rsa-2048\"} 1\n",
    "\nsceau_dns_dnssec_total{state=\"indeterminate\"} 0\n",
    "\nsceau_verify_duration_seconds_bucket{le=\"0.0005\"} 0\n",
    "\nsceau_verify_duration_seconds_bucket{le=\"0.001\"} 1\n",
    "\nsceau_verify_duration_seconds_bucket{le=\"2.5\"} 2\n",
    "\nsceau_verify_duration_seconds_bucket{le=\"+Inf\"} 2\n",
    "\nsceau_verify_duration_seconds_sum 1.50075\n",
    "\nsceau_verify_duration_seconds_count 2\n",
    "\nsceau_stage_duration_seconds_bucket{stage=\"verify\",le=\"0.00001\"} 0\n",
    "\nsceau_message_size_bytes_sum 2000\n",
    "\nsceau_sessions -1\n",
    "\nsceau_domain_dkim_results_total{domain=\"a.example\",result=\"pass\"} 1\n",
    "\nsceau_domain_dkim_results_total{domain=\"other\",result=\"fail\"} 1\n",
    "\nsceau_domain_tracked 1\n",
    "\nsceau_rule_hits_total{rule=\"bank \\\"must\\\" sign\"} 1\n",
    "\nsceau_rule_shadow_hits_total{rule=\"bank \\\"must\\\" sign\"} 0\n",
    "\nsceau_rule_errors_total{rule=\"bank \\\"must\\\" sign\"} 1\nsceau_rule_errors_total{rule=\"other\"} 0\n",
    "\nsceau_build_info{version=\"0.1\\\"\\\\\\n\",revision=\"abc\",openssl=\"3.0.22\"} 1\n",
    "\nprocess_cpu_seconds_total ",
    "\n# TYPE process_open_fds gauge\n",
};
static const char *const wanted_in_text[] = {
    "\n# HELP sceau_messages_total Messages that came whole, by what the client was told.\n# TYPE sceau_messages_total counter\n",
    "\n# TYPE sceau_build_info gauge\n",
    "\nsceau_message_size_bytes_bucket{le=\"1024\"} 0\n",
    "\nsceau_verify_duration_seconds_bucket{le=\"1\"} 1\n",
    "# HELP sceau_domain_dkim_results_total DKIM signatures of the busiest signing domains; domain=\"other\" is",
};
static const char *const wanted_in_openmetrics[] = {
    "\n# TYPE sceau_messages counter\n",
    "\n# TYPE sceau_build info\n",
    "\n# TYPE sceau_message_bytes counter\n# UNIT sceau_message_bytes bytes\n",
    "\nsceau_message_size_bytes_bucket{le=\"1024.0\"} 0\n",
    "\nsceau_verify_duration_seconds_bucket{le=\"1.0\"} 1\n",
    "domain=\\\"other\\\" is all the rest.\n",
    "\n# EOF\n",
};

static void expect_all(const char *text, const char *const *wanted, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strstr(text, wanted[i]) == NULL) fail_msg("not there: %s", wanted[i]);
}

static void both_formats_say_the_same(void **state) {
    (void)state;
    struct scene scene = scene_open();
    struct bytes text = write_all(&scene, EXPOSITION_TEXT), open_metrics = write_all(&scene, EXPOSITION_OPENMETRICS);
    text.ptr[0] = open_metrics.ptr[0] = '\n'; /* the first line too can be looked for with a newline in front */
    expect_all(text.ptr, wanted_in_both, sizeof wanted_in_both / sizeof *wanted_in_both);
    expect_all(text.ptr, wanted_in_text, sizeof wanted_in_text / sizeof *wanted_in_text);
    expect_all(open_metrics.ptr, wanted_in_both, sizeof wanted_in_both / sizeof *wanted_in_both);
    expect_all(open_metrics.ptr, wanted_in_openmetrics, sizeof wanted_in_openmetrics / sizeof *wanted_in_openmetrics);
    assert_null(strstr(text.ptr, "# EOF"));
    assert_null(strstr(text.ptr, "# UNIT"));
    bytes_release(&text);
    bytes_release(&open_metrics);
    scene_close(&scene);
}

/* Skips a test, before it owns anything, when the command that tells whether its judge is installed does not end well. */
static void need(const char *test) {
    if (system(test) == 0) return;
    print_message("skipped: this fails: %s\n", test);
    skip();
}

/* Gives text to an outside judge, who has to end well and say nothing. */
static void judge(const char *command, const struct bytes *text) {
    char name[] = "/tmp/sceau_test_exposition_XXXXXX", line[512], said[4096] = {0};
    int fd = mkstemp(name);
    assert_int_equal(write(fd, text->ptr, text->len - 1), text->len - 1); /* without the NUL */
    close(fd);
    snprintf(line, sizeof line, "%s < %s 2>&1", command, name);
    FILE *pipe = popen(line, "r");
    size_t len = fread(said, 1, sizeof said - 1, pipe);
    int status = pclose(pipe);
    unlink(name);
    if (status != 0 || len > 0) fail_msg("%s: status %d, %s", command, status, said);
}

static void promtool_accepts_the_text_format(void **state) {
    (void)state;
    need("command -v promtool > /dev/null");
    struct scene scene = scene_open();
    struct bytes text = write_all(&scene, EXPOSITION_TEXT);
    judge("promtool check metrics", &text);
    bytes_release(&text);
    scene_close(&scene);
}

static void the_reference_parser_accepts_openmetrics(void **state) {
    (void)state;
    need("/usr/bin/python3 -c 'import prometheus_client' 2> /dev/null");
    struct scene scene = scene_open();
    struct bytes text = write_all(&scene, EXPOSITION_OPENMETRICS);
    judge("/usr/bin/python3 -c 'import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as p; "
          "list(p(sys.stdin.read()))'", &text);
    bytes_release(&text);
    scene_close(&scene);
}

static const struct { const char *accept; enum exposition_format want; } accepts[] = {
    {"", EXPOSITION_TEXT},
    {"*/*", EXPOSITION_TEXT},
    {"text/html,*/*;q=0.8", EXPOSITION_TEXT},
    {"application/openmetrics-text", EXPOSITION_OPENMETRICS},
    {"application/openmetrics-text;q=0", EXPOSITION_TEXT},
    {"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.5", EXPOSITION_OPENMETRICS},
    {"application/openmetrics-text;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.5", EXPOSITION_TEXT},
};

static void the_format_follows_accept(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepts / sizeof *accepts; i++)
        if (exposition_format_for(span_of(accepts[i].accept)) != accepts[i].want) fail_msg("%s", accepts[i].accept);
}

static void random_domains_leave_the_series_bounded(void **state) {
    (void)state;
    struct scene scene = scene_open();
    uint32_t random = 3;
    for (int i = 0; i < 100000; i++) {
        char name[32];
        random = random * 1664525 + 1013904223;
        struct span domain = {name, (size_t)snprintf(name, sizeof name, "r%u.example", random)};
        domain_stats_add(scene.domain_worker, domain, true, DOMAIN_PASS);
    }
    struct bytes text = write_all(&scene, EXPOSITION_TEXT);
    size_t series = 0;
    uint64_t passes = 0;
    for (const char *at = text.ptr; (at = strstr(at, "\nsceau_domain_dkim_results_total{")) != NULL; at++) {
        series++;
        const char *value = strstr(at, "result=\"pass\"} ");
        if (value != NULL && value < strchr(at + 1, '\n')) passes += strtoull(value + 15, NULL, 10);
    }
    assert_true(series <= 101 * 3);
    assert_int_equal(passes, 100001);
    bytes_release(&text);
    scene_close(&scene);
}

/* docs/metrics.md has one row a family: its name, type, labels with all values, and help. */
static void the_documentation_has_every_family(void **state) {
    (void)state;
    static const char *const types[] = {"counter", "gauge", "histogram"};
    static char docs[1 << 16];
    char path[512];
    const char *source = getenv("SCEAU_SOURCE");
    snprintf(path, sizeof path, "%s/docs/metrics.md", source != NULL ? source : ".");
    FILE *file = fopen(path, "r");
    if (file == NULL) fail_msg("%s cannot be read", path);
    docs[fread(docs, 1, sizeof docs - 1, file)] = '\0';
    fclose(file);
    for (int id = 0; id < METRIC_COUNT; id++) {
        const struct metric_family *family = metrics_family((enum metric)id);
        struct bytes row = bytes_with_cap(4096);
        bytes_append_format(&row, "\n| `%s` | %s | ", family->name, types[family->type]);
        for (size_t i = 0; i < 2 && family->label[i]->name != NULL; i++) {
            bytes_append_format(&row, "%s`%s`: ", i > 0 ? "; " : "", family->label[i]->name);
            for (unsigned value = 0; value < family->label[i]->value_count; value++)
                bytes_append_format(&row, "%s%s", value > 0 ? ", " : "", family->label[i]->values[value]);
        }
        bytes_append_format(&row, "%s| %s |\n", family->label[0]->name != NULL ? " " : "", family->help);
        bytes_append_char(&row, '\0');
        if (strstr(docs, row.ptr) == NULL) fail_msg("docs/metrics.md lacks the row%s", row.ptr);
        bytes_release(&row);
    }
}

static void a_small_buffer_fails(void **state) {
    (void)state;
    struct scene scene = scene_open();
    struct bytes out = bytes_with_cap(1000);
    assert_false(exposition_write(&scene.source, EXPOSITION_TEXT, &out));
    bytes_release(&out);
    scene.source.domains = NULL;
    struct bytes text = write_all(&scene, EXPOSITION_TEXT);
    assert_null(strstr(text.ptr, "sceau_domain_"));
    bytes_release(&text);
    scene_close(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_formats_say_the_same),
        cmocka_unit_test(promtool_accepts_the_text_format),
        cmocka_unit_test(the_reference_parser_accepts_openmetrics),
        cmocka_unit_test(the_format_follows_accept),
        cmocka_unit_test(random_domains_leave_the_series_bounded),
        cmocka_unit_test(the_documentation_has_every_family),
        cmocka_unit_test(a_small_buffer_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
