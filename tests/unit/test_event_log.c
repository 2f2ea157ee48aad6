#include "proxy/event_log.h"
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/log.h"
#include "base/metrics.h"

enum { WAIT_MS = 60000 };

struct scene {
    char folder[40], path[64];
    struct metrics *metrics;
    struct metrics_worker *counters;
};

static struct scene open_scene(const char *name) {
    struct scene scene = {.folder = "/tmp/sceau_test_events_XXXXXX", .metrics = metrics_create()};
    assert_non_null(mkdtemp(scene.folder));
    snprintf(scene.path, sizeof scene.path, "%s/%s", scene.folder, name);
    scene.counters = metrics_worker_create(scene.metrics);
    return scene;
}

static void close_scene(struct scene *scene) {
    unlink(scene->path);
    rmdir(scene->folder);
    metrics_destroy(scene->metrics);
}

static uint64_t count(const struct scene *scene, unsigned result) { return metrics_counter(scene->metrics, METRIC_EVENTS, result, 0); }

static void await(const struct scene *scene, uint64_t written) {
    for (int i = 0; i < WAIT_MS && count(scene, METRIC_EVENT_WRITTEN) < written; i++) usleep(1000);
    assert_int_equal(count(scene, METRIC_EVENT_WRITTEN), written);
}

static void tell(struct scene *scene, struct event_log *log, const char *line) { event_log_write(log, scene->counters, span_of(line)); }

static char *read_file(const char *path) {
    char *text = calloc(1, 1 << 16);
    FILE *file = fopen(path, "r");
    if (file != NULL) (void)!fread(text, 1, (1 << 16) - 1, file);
    if (file != NULL) fclose(file);
    return text;
}

static void expect_file(const char *path, const char *want) {
    char *got = read_file(path);
    assert_string_equal(got, want);
    free(got);
}

static void a_file_is_appended_to_and_opened_anew(void **state) {
    (void)state;
    struct scene scene = open_scene("events");
    char rotated[80];
    snprintf(rotated, sizeof rotated, "%s.1", scene.path);
    FILE *file = fopen(scene.path, "w");
    fputs("before\n", file);
    fclose(file);
    struct event_log *log = event_log_create(scene.path, 65536, scene.metrics);
    tell(&scene, log, "one\n");
    tell(&scene, log, "two\n");
    await(&scene, 2);
    assert_int_equal(rename(scene.path, rotated), 0);
    tell(&scene, log, "three\n"); /* the file is still open */
    await(&scene, 3);
    event_log_reopen(log);
    tell(&scene, log, "four\n");
    event_log_destroy(log); /* writes what is there */
    expect_file(rotated, "before\none\ntwo\nthree\n");
    expect_file(scene.path, "four\n");
    assert_int_equal(count(&scene, METRIC_EVENT_DROPPED), 0);
    unlink(rotated);
    close_scene(&scene);
    event_log_destroy(NULL);
    event_log_reopen(NULL);
}

/* Nobody reads the FIFO: the buffer fills, the rest is dropped, nobody waits; then a reader comes and gets what was kept. */
static void a_reader_that_is_away_costs_events_only(void **state) {
    (void)state;
    struct scene scene = open_scene("fifo");
    char got[256] = {0};
    assert_int_equal(mkfifo(scene.path, 0600), 0);
    struct event_log *log = event_log_create(scene.path, 40, scene.metrics);
    for (int i = 0; i < 100; i++) tell(&scene, log, "0123456789abcdef+0\n"); /* two fit */
    assert_int_equal(count(&scene, METRIC_EVENT_DROPPED), 98);
    tell(&scene, log, "\n"); /* one that fits still does */
    int fd = open(scene.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    await(&scene, 3);
    assert_int_equal(read(fd, got, sizeof got), 39);
    assert_string_equal(got, "0123456789abcdef+0\n0123456789abcdef+0\n\n");
    event_log_destroy(log);
    close(fd);
    close_scene(&scene);
}

static int listen_at(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

/* What one connection brings, up to len octets. */
static void expect_octets(int fd, const char *want) {
    char got[256] = {0};
    size_t len = 0;
    while (len < strlen(want)) {
        ssize_t n = read(fd, got + len, strlen(want) - len);
        if (n <= 0) fail_msg("the end came behind: %s", got);
        len += (size_t)n;
    }
    assert_string_equal(got, want);
}

static void a_socket_that_went_away_is_found_again(void **state) {
    (void)state;
    struct scene scene = open_scene("socket");
    char target[80];
    snprintf(target, sizeof target, "unix:%s", scene.path);
    struct event_log *log = event_log_create(target, 65536, scene.metrics);
    tell(&scene, log, "early\n");
    int listener = listen_at(scene.path), fd = accept(listener, NULL, NULL);
    expect_octets(fd, "early\n");
    close(fd);
    close(listener);
    listener = listen_at(scene.path);
    tell(&scene, log, "late\n"); /* the write shows that the reader is gone */
    fd = accept(listener, NULL, NULL);
    expect_octets(fd, "late\n");
    event_log_destroy(log);
    close(fd);
    close(listener);
    close_scene(&scene);
}

/* A reader that takes nothing more: what does not fit into the kernel's buffer and ours is dropped, and stopping ends. */
static void stopping_does_not_wait_for_a_reader(void **state) {
    (void)state;
    struct scene scene = open_scene("fifo");
    char line[1024];
    uint64_t total = 2000;
    memset(line, 'x', sizeof line - 2);
    line[sizeof line - 2] = '\n';
    line[sizeof line - 1] = '\0';
    assert_int_equal(mkfifo(scene.path, 0600), 0);
    int fd = open(scene.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct event_log *log = event_log_create(scene.path, 65536, scene.metrics);
    for (uint64_t i = 0; i < total; i++) tell(&scene, log, line);
    event_log_destroy(log);
    assert_int_equal(count(&scene, METRIC_EVENT_WRITTEN) + count(&scene, METRIC_EVENT_DROPPED), total);
    assert_true(count(&scene, METRIC_EVENT_WRITTEN) > 0 && count(&scene, METRIC_EVENT_DROPPED) > 0);
    close(fd);
    close_scene(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_appended_to_and_opened_anew),
        cmocka_unit_test(a_reader_that_is_away_costs_events_only),
        cmocka_unit_test(a_socket_that_went_away_is_found_again),
        cmocka_unit_test(stopping_does_not_wait_for_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
