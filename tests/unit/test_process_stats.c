#include "http/process_stats.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static void the_figures_are_plausible_and_follow(void **state) {
    (void)state;
    struct process_stats before, after;
    assert_true(process_stats_read(&before));
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    clock_t until = clock() + CLOCKS_PER_SEC / 20; /* some ticks of work */
    while (clock() < until) { }
    assert_true(process_stats_read(&after));
    close(fd);
    assert_int_equal(after.open_fds, before.open_fds + 1);
    assert_true(after.cpu_us > before.cpu_us && after.cpu_us < 600000000);
    assert_true(after.resident_bytes > 100000 && after.virtual_bytes >= after.resident_bytes);
    assert_true(after.max_fds >= after.open_fds);
    int64_t age_s = (int64_t)time(NULL) - after.start_unix_s;
    assert_true(age_s >= -2 && age_s < 600); /* the boot time is rounded */
    assert_int_equal(after.start_unix_s, before.start_unix_s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_figures_are_plausible_and_follow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
