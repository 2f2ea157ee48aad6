#include "base/log.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int ends[2]; /* of the pipe that lines go to */

static int open_pipe(void **state) {
    (void)state;
    return pipe2(ends, O_NONBLOCK);
}

static int close_pipe(void **state) {
    (void)state;
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* All that was written since, without the time; a C string that the caller frees. */
static char *read_back(void) {
    char *text = calloc(1, 1 << 16);
    ssize_t len = read(ends[0], text, (1 << 16) - 1);
    if (len < 0) text[0] = '\0';
    return text;
}

/* Cuts the time out of a line and checks what it looks like. */
static char *without_time(char *line, const char *before) {
    size_t at = strlen(before), len = sizeof "2026-03-01T12:00:00.123Z" - 1;
    assert_memory_equal(line, before, at);
    assert_int_equal(line[at + 10], 'T');
    assert_int_equal(line[at + 19], '.');
    assert_int_equal(line[at + len - 1], 'Z');
    memmove(line + at, line + at + len, strlen(line + at + len) + 1);
    return line;
}

static const struct { const char *value; size_t len; const char *logfmt, *json; } rows[] = {
    {"plain", 5, "plain", "\"plain\""},
    {"<a@b.example>", 13, "<a@b.example>", "\"<a@b.example>\""},
    {"", 0, "\"\"", "\"\""},
    {"two words", 9, "\"two words\"", "\"two words\""},
    {"a=b", 3, "\"a=b\"", "\"a=b\""},
    {"say \"\\\"", 7, "\"say \\\"\\\\\\\"\"", "\"say \\\"\\\\\\\"\""},
    {"x\r\nlevel=error", 14, "\"x\\r\\nlevel=error\"", "\"x\\r\\nlevel=error\""}, /* no line of an attacker's */
    {"\x1b[2J\t\0", 6, "\"\\x1b[2J\\t\\x00\"", "\"\\u001b[2J\\t\\u0000\""},
    {"\xc3\xa9", 2, "\"\\xc3\\xa9\"", "\"\xc3\xa9\""},
    {"\xff", 1, "\"\\xff\"", "\"\\ufffd\""},
};

static void every_value_is_escaped(void **state) {
    (void)state;
    for (int format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_JSON; format++) {
        log_configure(ends[1], (enum log_format)format, LOG_LEVEL_INFO, 0);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct log_line line;
            char want[256];
            struct bytes text = bytes_with_cap(sizeof want);
            log_begin(&line, LOG_LEVEL_WARNING, "test");
            log_span(&line, "v", (struct span){rows[i].value, rows[i].len});
            log_text(&line, "none", NULL);
            log_int(&line, "i", -5);
            log_uint(&line, "u", UINT64_MAX);
            log_bool(&line, "b", true);
            log_end(&line);
            if (format == LOG_FORMAT_LOGFMT)
                bytes_append_format(&text, "time= level=warning event=test v=%s i=-5 u=18446744073709551615 b=true\n", rows[i].logfmt);
            else
                bytes_append_format(&text, "{\"time\":\"\",\"level\":\"warning\",\"event\":\"test\",\"v\":%s,\"i\":-5,"
                                           "\"u\":18446744073709551615,\"b\":true}\n", rows[i].json);
            bytes_append_char(&text, '\0');
            char *got = without_time(read_back(), format == LOG_FORMAT_LOGFMT ? "time=" : "{\"time\":\"");
            assert_string_equal(got, text.ptr);
            bytes_release(&text);
            free(got);
        }
    }
}

static void levels_that_are_off_write_nothing(void **state) {
    (void)state;
    struct log_line line;
    log_configure(ends[1], LOG_FORMAT_LOGFMT, LOG_LEVEL_WARNING, 0);
    log_begin(&line, LOG_LEVEL_INFO, "test");
    log_text(&line, "a", "b");
    log_end(&line);
    log_fault("test", "it broke");
    char *got = without_time(read_back(), "time=");
    assert_string_equal(got, "time= level=error event=test error=\"it broke\"\n");
    free(got);
}

static void long_values_and_lines_are_cut(void **state) {
    (void)state;
    char *big = malloc(10000);
    memset(big, 'x', 10000);
    for (int format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_JSON; format++) {
        struct log_line line;
        log_configure(ends[1], (enum log_format)format, LOG_LEVEL_INFO, 0);
        log_begin(&line, LOG_LEVEL_INFO, "test");
        for (int i = 0; i < 20; i++) log_span(&line, "big", (struct span){big, 10000});
        log_int(&line, "small", 7); /* still fits */
        log_end(&line);
        char *got = read_back();
        size_t len = strlen(got);
        assert_true(len <= LOG_LINE_MAX && len > LOG_LINE_MAX - 600);
        assert_non_null(strstr(got, "xxx..."));
        const char *end = format == LOG_FORMAT_LOGFMT ? " small=7 truncated=true\n" : ",\"small\":7,\"truncated\":true}\n";
        assert_string_equal(got + len - strlen(end), end);
        assert_int_equal(strchr(got, '\n') - got, len - 1);
        free(got);
    }
    free(big);
}

static size_t count_lines(const char *text) {
    size_t count = 0;
    for (; *text != '\0'; text++) count += *text == '\n';
    return count;
}

static void a_flood_is_counted(void **state) {
    (void)state;
    uint64_t before = log_dropped();
    log_configure(ends[1], LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, 3);
    for (int i = 0; i < 50; i++) log_fault("flood", "again");
    log_fault("another", "has its own allowance");
    char *got = read_back();
    size_t lines = count_lines(got);
    assert_true(lines == 4 || lines == 7); /* 7: a second ended amid the flood */
    assert_non_null(strstr(got, "event=another"));
    free(got);
    assert_int_equal(log_dropped() - before, 51 - lines);
    usleep(1100000);
    log_fault("flood", "later");
    got = read_back();
    assert_non_null(strstr(got, "event=flood suppressed="));
    free(got);
}

static void a_full_pipe_costs_the_line_only(void **state) {
    (void)state;
    uint64_t before = log_dropped();
    log_configure(ends[1], LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, 0);
    for (int i = 0; i < 2000; i++) log_fault("test", "a line that nobody reads: it fills the pipe, which is not blocking");
    assert_true(log_dropped() > before);
    log_configure(-1, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, 0);
    before = log_dropped();
    log_fault("test", "no descriptor");
    assert_int_equal(log_dropped(), before + 1);
}

enum { THREADS = 4, LINES = 100 };
static void *log_many(void *arg) {
    for (int i = 0; i < LINES; i++) log_fault("threads", arg);
    return NULL;
}

static void lines_of_many_threads_stay_whole(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    char word[] = "aaaaaaaaaaaaaaaaaaaaaaaaa";
    log_configure(ends[1], LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, 1000000);
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, log_many, word), 0);
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    char *got = read_back();
    assert_int_equal(count_lines(got), THREADS * LINES);
    for (char *at = got; *at != '\0'; at = strchr(at, '\n') + 1) assert_memory_equal(at, "time=", 5);
    free(got);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_value_is_escaped, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(levels_that_are_off_write_nothing, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(long_values_and_lines_are_cut, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(a_flood_is_counted, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(a_full_pipe_costs_the_line_only, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(lines_of_many_threads_stay_whole, open_pipe, close_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
