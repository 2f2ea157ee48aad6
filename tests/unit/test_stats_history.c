#include "http/stats_history.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/metrics.h"
#include "http/domain_stats.h"
#include "http/stats_store.h"
#include "http/stats_table.h"
#include "http/stats_view.h"

enum { NOW_S = 1700000000, NEVER_MS = 3600000, SOON_MS = 100, RETENTION_MS = 7 * 24 * 3600 * 1000 };

static char folder[] = "/tmp/statistics-XXXXXX", path[sizeof folder + 16];
static struct clock_fixed now;

struct scene {
    struct metrics *metrics;
    struct domain_stats *stats;
    struct domain_stats_worker *worker;
    struct stats_history *history;
};

static struct scene begin(const char *file, int64_t interval_ms) {
    struct scene scene = {.metrics = metrics_create(), .stats = domain_stats_create(10, &now.clock)};
    scene.worker = domain_stats_worker_create(scene.stats);
    const struct stats_history_setup setup = {file, scene.stats, scene.metrics, interval_ms, RETENTION_MS};
    scene.history = stats_history_create(&setup);
    assert_non_null(scene.history);
    return scene;
}

static uint64_t errors(const struct scene *scene) {
    return metrics_counter(scene->metrics, METRIC_HISTORY_ERRORS, 0, 0);
}

static void end(struct scene *scene) {
    stats_history_destroy(scene->history);
    domain_stats_destroy(scene->stats);
    metrics_destroy(scene->metrics);
}

static void add(const struct scene *scene, const char *domain, const char *selector, enum dkim_code code,
                unsigned count) {
    struct dkim_result signature = {.code = code,
                                    .result = dkim_code_result(code),
                                    .domain = span_of(domain),
                                    .selector = span_of(selector),
                                    .has_key_answer = true,
                                    .dnssec = DNSSEC_SECURE,
                                    .records_tried = 1,
                                    .key_algorithm = KEY_RSA,
                                    .key_bits = 2048,
                                    .testing = true,
                                    .has_key_fingerprint = true,
                                    .key_fingerprint = {0xab, 0xcd}};
    for (unsigned i = 0; i < count; i++) domain_stats_add_signature(scene->worker, &signature);
}

static uint64_t total(const struct scene *scene, enum stats_window window) {
    struct stats_view view;
    assert_true(stats_view_take(scene->stats, window, STATS_BY_MESSAGES, &view));
    uint64_t sum = domain_counts_sum(view.total), rows = domain_counts_sum(view.untracked);
    for (size_t i = 0; i < view.row_count; i++) rows += domain_counts_sum(view.rows[i].count);
    assert_int_equal(rows, sum);
    stats_view_release(&view);
    return sum;
}

static int make_folder(void **state) {
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(path, sizeof path, "%s/statistics", folder);
    now = clock_fixed_at(NOW_S);
    return 0;
}

static int remove_folder(void **state) {
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char name[sizeof path + 16];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    return rmdir(folder);
}

static void what_was_counted_is_there_after_a_restart(void **state) {
    (void)state;
    struct scene scene = begin(path, NEVER_MS);
    struct stat file;
    add(&scene, "shop.example", "s1", DKIM_OK, 5);
    now.unix_s += 3 * 3600;
    add(&scene, "shop.example", "s1", DKIM_BODY_HASH_MISMATCH, 2);
    add(&scene, "bank.example", "k", DKIM_OK, 1);
    domain_stats_add(scene.worker, span_of("unknown.example"), false, DOMAIN_OTHER);
    assert_int_equal(errors(&scene), 0);
    end(&scene);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);

    scene = begin(path, NEVER_MS);
    struct stats_domain domain;
    assert_int_equal(total(&scene, STATS_1H), 4);
    assert_int_equal(total(&scene, STATS_24H), 9);
    assert_int_equal(stats_domain_take(scene.stats, span_of("shop.example"), STATS_24H, &domain), STATS_FOUND);
    assert_int_equal(domain.count[STATS_24H][DOMAIN_PASS], 5);
    assert_int_equal(domain.count[STATS_1H][DOMAIN_PASS], 0);
    assert_int_equal(domain.count[STATS_1H][DOMAIN_FAIL], 2);
    assert_int_equal(domain.cause[CAUSE_BODY_OTHER], 2);
    assert_int_equal(domain.dnssec[DNSSEC_SECURE], 7);
    assert_int_equal(domain.first_seen_s, NOW_S);
    assert_int_equal(domain.selector_count, 1);
    assert_true(span_is(domain.selectors[0].selector, "s1") && domain.selectors[0].testing &&
                domain.selectors[0].bits == 2048);
    assert_true(domain.selectors[0].fingerprint[0] == 0xab && domain.selectors[0].fingerprint[1] == 0xcd);
    assert_int_equal(domain.selectors[0].count[DOMAIN_PASS], 5);
    stats_domain_release(&domain);
    struct domain_report report;
    assert_true(domain_stats_export(scene.stats, &report)); /* /metrics begins at 0, as counters of a new process do */
    assert_int_equal(domain_counts_sum(report.total), 0);
    domain_report_release(&report);
    add(&scene, "shop.example", "s1", DKIM_OK, 1); /* on top of what was there */
    end(&scene);

    scene = begin(path, NEVER_MS);
    assert_int_equal(total(&scene, STATS_1H), 5);
    assert_int_equal(total(&scene, STATS_7D), 10);
    end(&scene);
}

static void count_row(void *owner, const struct stats_store_count *count) {
    uint64_t *rows = owner;
    if (count->step_s > 0) ++*rows;
}
static void ignore_weight(void *owner, struct span domain, uint64_t signatures) { (void)owner, (void)domain, (void)signatures; }
static void ignore_domain(void *owner, const struct stats_store_domain *domain) { (void)owner, (void)domain; }
static void count_key(void *owner, const struct stats_store_key *key) {
    uint64_t *rows = owner;
    (void)key;
    *rows += 1000;
}

/* Rows of counts in the file, and 1,000 for each key. */
static uint64_t rows_in_file(void) {
    uint64_t rows = 0;
    struct stats_store *store = stats_store_create(path);
    const struct stats_store_reader reader = {&rows, ignore_weight, count_row, ignore_domain, count_key};
    assert_true(stats_store_open(store) && stats_store_read(store, 0, 0, INT64_MAX, 10, &reader));
    stats_store_destroy(store);
    return rows;
}

static void the_file_forgets_what_is_older_than_the_retention(void **state) {
    (void)state;
    struct scene scene = begin(path, NEVER_MS);
    add(&scene, "shop.example", "s1", DKIM_OK, 5);
    end(&scene);
    assert_int_equal(rows_in_file(), 1000 + 2 * 2 + 2); /* pass by minute and hour, of it and of all; DNSSEC of all */
    now.unix_s += RETENTION_MS / 1000 + 3600;
    scene = begin(path, NEVER_MS);
    add(&scene, "bank.example", "k", DKIM_OK, 1);
    end(&scene);
    assert_int_equal(rows_in_file(), 1000 + 2 * 2 + 2);
}

/* Whoever else wrote to the file: what makes no sense is left out, the rest is read. */
static void a_file_with_nonsense_is_read_all_the_same(void **state) {
    (void)state;
    static char long_name[400];
    memset(long_name, 'a', sizeof long_name);
    const struct span names[] = {span_of("shop.example"), span_of("Not A Name"), span_of(""), {long_name, sizeof long_name},
                                 span_of("UPPER.example"), span_of("single"), {"nul\0.example", 12}};
    const struct span words[] = {span_of("pass"), span_of("nonsense"), span_of("cause:body_other"), span_of("dnssec:"), span_of("")};
    struct stats_store *store = stats_store_create(path);
    assert_true(stats_store_open(store) && stats_store_begin(store));
    for (size_t name = 0; name < sizeof names / sizeof *names; name++)
        for (size_t word = 0; word < sizeof words / sizeof *words; word++)
            for (uint32_t step = 0; step <= 3600; step += 60) {
                const struct stats_store_count count = {names[name], step, NOW_S / 3600 * 3600, words[word], 3};
                assert_true(stats_store_put_count(store, &count));
            }
    const struct stats_store_count minus = {names[0], 60, -60, words[0], 1}, huge = {names[1], 3600, 0, words[0], UINT64_MAX};
    const struct stats_store_domain domain = {names[0], -5, INT64_MAX, span_of("nonsense")};
    const struct stats_store_key key = {names[0], {.selector = "x", .selector_len = 1, .algorithm = KEY_RSA, .last_seen_s = -1}};
    assert_true(stats_store_put_count(store, &minus) && stats_store_put_count(store, &huge));
    assert_true(stats_store_put_domain(store, &domain) && stats_store_put_key(store, &key) && stats_store_commit(store));
    stats_store_destroy(store);
    struct scene scene = begin(path, NEVER_MS);
    struct stats_domain out;
    assert_int_equal(errors(&scene), 0);
    assert_int_equal(total(&scene, STATS_7D), 3);
    assert_int_equal(stats_domain_take(scene.stats, names[0], STATS_24H, &out), STATS_FOUND);
    assert_int_equal(out.count[STATS_7D][DOMAIN_PASS], 3);
    assert_int_equal(out.cause[CAUSE_BODY_OTHER], 3);
    stats_domain_release(&out);
    end(&scene);
}

static void what_is_too_old_is_not_read_back(void **state) {
    (void)state;
    struct scene scene = begin(path, NEVER_MS);
    add(&scene, "shop.example", "s1", DKIM_OK, 5);
    end(&scene);
    now.unix_s += 8 * 24 * 3600;
    scene = begin(path, NEVER_MS);
    assert_int_equal(total(&scene, STATS_7D), 0);
    end(&scene);
}

/* Until so many batches could not be written. */
static void wait_for_errors(const struct scene *scene, uint64_t count) {
    while (errors(scene) < count) usleep(10000);
}

static void put_garbage(void) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (unsigned i = 0; i < 9000; i++) fputc("no database "[i % 12], file);
    fclose(file);
}

static void a_corrupt_file_costs_history_only(void **state) {
    (void)state;
    struct stat before, after;
    put_garbage();
    assert_int_equal(stat(path, &before), 0);
    struct scene scene = begin(path, SOON_MS);
    add(&scene, "shop.example", "s1", DKIM_OK, 5);
    wait_for_errors(&scene, 2);
    assert_int_equal(total(&scene, STATS_1H), 5);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_size == after.st_size &&
                before.st_mtime == after.st_mtime); /* it is the operator's to judge */
    assert_int_equal(unlink(path), 0);
    end(&scene); /* a new file is made, with all that the batches before had not told */
    scene = begin(path, NEVER_MS);
    assert_int_equal(total(&scene, STATS_1H), 5);
    end(&scene);
}

static void a_place_that_cannot_be_written_costs_history_only(void **state) {
    (void)state;
    struct scene scene = begin("/proc/self/statistics", SOON_MS);
    assert_int_equal(errors(&scene), 1); /* it could not be read either */
    add(&scene, "shop.example", "s1", DKIM_OK, 5);
    wait_for_errors(&scene, 2);
    assert_int_equal(total(&scene, STATS_1H), 5);
    end(&scene);
}

/* As on a full disk, no file grows any more for a while; afterwards all is written that could not be. */
static void a_full_disk_costs_history_only(void **state) {
    (void)state;
    struct rlimit limit, small;
    char room[48];
    signal(SIGXFSZ, SIG_IGN);
    struct scene scene = begin(path, SOON_MS);
    add(&scene, "shop.example", "s1", DKIM_OK, 5);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){4096, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (unsigned i = 0; i < 500; i++) {
        snprintf(room, sizeof room, "d%u.example", i);
        add(&scene, room, "s", DKIM_OK, 1);
    }
    wait_for_errors(&scene, 2);
    assert_int_equal(total(&scene, STATS_1H), 505);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    end(&scene);
    scene = begin(path, NEVER_MS);
    assert_int_equal(errors(&scene), 0);
    assert_int_equal(total(&scene, STATS_1H), 505);
    end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_counted_is_there_after_a_restart, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_file_forgets_what_is_older_than_the_retention, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_file_with_nonsense_is_read_all_the_same, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_is_too_old_is_not_read_back, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_corrupt_file_costs_history_only, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_place_that_cannot_be_written_costs_history_only, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_full_disk_costs_history_only, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
