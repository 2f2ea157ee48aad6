#include "http/access.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/base64.h"

/* "correct horse", cheap; the SHA-256 of "token-1" and "token-2". */
#define BCRYPT "$2b$04$Go9YjK9mgyaaIMqVsuuY6ufUI0uDRifJHDdj9HjFoKMIEcboQ/KDy"
#define SHA512 "$6$rounds=1000$Fb6pVo90/VALBUh3$0d8Ko455r02FIycLs.0KSAZSR2BEWB7sYRGygc1H2myu04jj4XElXkB8dOTgh.Sk7zQIbDifx0oZsexNrTGkd."
#define TOKEN_1 "3f08aace122ee2368432c1ca23a049bc640bafbf00fdf33a52429f38ba12dbf9"
#define TOKEN_2 "0f6bffa9661cb5dd2f3f7b2929f33061f58a7ba7fdd689530b1a306f8ed8f3ec"
#define FILE_TEXT "# who may read\n\nann:" BCRYPT "\r\nBearer " TOKEN_1 "\n  bob:" SHA512 "  \nbearer " TOKEN_2

static char path[] = "/tmp/sceau_test_access_XXXXXX";

static void put(const char *text, mode_t mode) {
    unlink(path);
    FILE *file = fopen(path, "w");
    assert_true(file != NULL && fputs(text, file) >= 0);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static struct access *must_create(const struct clock *clock) {
    char *error;
    struct access *access = access_create(path, clock, &error);
    if (access == NULL) fail_msg("%s", error);
    return access;
}

static enum access_answer check(struct access *access, const char *scheme, const char *text) {
    struct bytes field = bytes_with_cap(4096);
    bytes_append_format(&field, "%s ", scheme);
    if (strcmp(scheme, "Basic") == 0) base64_encode(&field, span_of(text));
    else bytes_append_text(&field, text);
    char *exact = memcpy(malloc(field.len), field.ptr, field.len);
    enum access_answer answer = access_check(access, (struct span){exact, field.len});
    free(exact);
    bytes_release(&field);
    return answer;
}

static const struct { const char *scheme, *text; enum access_answer want; } rows[] = {
    {"Bearer", "token-1", ACCESS_GRANTED},
    {"bearer", " token-2 ", ACCESS_GRANTED},
    {"Bearer", "token-3", ACCESS_REFUSED},
    {"Bearer", TOKEN_1, ACCESS_REFUSED}, /* what stands in the file opens nothing */
    {"Bearer", "", ACCESS_REFUSED},
    {"Basic", "ann:correct horse", ACCESS_GRANTED},
    {"Basic", "bob:correct horse", ACCESS_GRANTED},
    {"Basic", "ann:correct horse", ACCESS_GRANTED}, /* known by now */
    {"Basic", "ann:wrong horse", ACCESS_REFUSED},
    {"Basic", "eve:correct horse", ACCESS_REFUSED},
    {"Basic", "ann:" BCRYPT, ACCESS_REFUSED},
    {"Basic", "ann", ACCESS_REFUSED},
    {"Basic", ":", ACCESS_REFUSED},
    {"Basic", "", ACCESS_REFUSED},
    {"Digest", "ann", ACCESS_REFUSED},
    {"", "", ACCESS_REFUSED},
};

static void every_credential_gets_its_answer(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(0);
    put(FILE_TEXT, 0600);
    struct access *access = must_create(&clock.clock);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clock.monotonic_us += 10000000;
        if (check(access, rows[i].scheme, rows[i].text) != rows[i].want) fail_msg("%s %s", rows[i].scheme, rows[i].text);
    }
    assert_int_equal(access_check(access, span_of("Basic YW5u!!")), ACCESS_REFUSED);
    assert_int_equal(access_check(access, (struct span){0}), ACCESS_REFUSED);
    access_destroy(access);
}

static void guesses_are_put_off_and_the_known_are_not(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(0);
    put(FILE_TEXT, 0400);
    struct access *access = must_create(&clock.clock);
    assert_int_equal(check(access, "Basic", "ann:correct horse"), ACCESS_GRANTED);
    clock.monotonic_us += 60000000;
    for (int i = 0; i < ACCESS_TRIES_AT_ONCE; i++) assert_int_equal(check(access, "Basic", "ann:guess"), ACCESS_REFUSED);
    assert_int_equal(check(access, "Basic", "ann:guess"), ACCESS_PUT_OFF);
    assert_int_equal(check(access, "Basic", "bob:correct horse"), ACCESS_PUT_OFF);
    assert_int_equal(check(access, "Basic", "ann:correct horse"), ACCESS_GRANTED);
    assert_int_equal(check(access, "Bearer", "token-1"), ACCESS_GRANTED);
    clock.monotonic_us += 1000000 / ACCESS_TRIES_PER_S;
    assert_int_equal(check(access, "Basic", "bob:correct horse"), ACCESS_GRANTED);
    assert_int_equal(check(access, "Basic", "ann:guess"), ACCESS_PUT_OFF);
    access_destroy(access);
}

static void a_reload_takes_and_gives(void **state) {
    (void)state;
    struct clock_fixed clock = clock_fixed_at(0);
    char *error;
    put(FILE_TEXT, 0600);
    struct access *access = must_create(&clock.clock);
    assert_int_equal(check(access, "Basic", "ann:correct horse"), ACCESS_GRANTED);
    put("nonsense\n", 0600);
    assert_false(access_reload(access, path, &error));
    assert_non_null(strstr(error, ":1: it is neither"));
    free(error);
    assert_int_equal(check(access, "Bearer", "token-1"), ACCESS_GRANTED);
    put("Bearer " TOKEN_2 "\n", 0600);
    assert_true(access_reload(access, path, &error));
    assert_int_equal(check(access, "Basic", "ann:correct horse"), ACCESS_REFUSED); /* known, but gone */
    assert_int_equal(check(access, "Bearer", "token-1"), ACCESS_REFUSED);
    assert_int_equal(check(access, "Bearer", "token-2"), ACCESS_GRANTED);
    access_destroy(access);
    access_destroy(NULL);
}

static const struct { const char *text; mode_t mode; const char *says; } faults[] = {
    {"Bearer " TOKEN_1, 0640, ": group or others may use it"},
    {"Bearer " TOKEN_1, 0604, ": group or others may use it"},
    {"", 0600, ": it names nobody"},
    {"# nobody\n", 0600, ": it names nobody"},
    {"\nBearer token-1\n", 0600, ":2: behind Bearer stand the 64 hex digits"},
    {"Bearer " TOKEN_1 "0", 0600, ":1: behind Bearer"},
    {"Bearer g" TOKEN_1, 0600, ":1: behind Bearer"},
    {"ann:correct horse", 0600, ":1: the hash is none of bcrypt"},
    {"ann:$1$abcdefgh$ipMAbwnCPsHXbWKUqYUWi.", 0600, ":1: the hash is none of bcrypt"},
    {"ann:$apr1$n0$x", 0600, "htpasswd -B"},
    {"ann:", 0600, ":1: the hash is none"},
    {":" BCRYPT, 0600, ":1: there is no name"},
};

static void every_fault_is_told(void **state) {
    (void)state;
    char *error, link_path[64];
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        put(faults[i].text, faults[i].mode);
        assert_null(access_create(path, &clock_system, &error));
        if (error == NULL || strncmp(error, path, strlen(path)) != 0 || strstr(error, faults[i].says) == NULL)
            fail_msg("%s: %s", faults[i].text, error);
        free(error);
    }
    put("Bearer " TOKEN_1, 0600);
    snprintf(link_path, sizeof link_path, "%s.link", path);
    assert_int_equal(symlink(path, link_path), 0);
    assert_null(access_create(link_path, &clock_system, &error));
    assert_non_null(strstr(error, "symbolic link"));
    free(error);
    unlink(link_path);
    assert_null(access_create("/nowhere/access", &clock_system, &error));
    assert_string_equal(error, "/nowhere/access: No such file or directory");
    free(error);
    assert_null(access_create("/tmp", &clock_system, &error));
    free(error);
}

static void too_much_is_refused(void **state) {
    (void)state;
    struct bytes text = bytes_with_cap(1 << 20);
    char *error;
    for (int i = 0; i <= ACCESS_ENTRIES_MAX; i++) bytes_append_text(&text, "Bearer " TOKEN_1 "\n");
    bytes_append_char(&text, '\0');
    put(text.ptr, 0600);
    assert_null(access_create(path, &clock_system, &error));
    assert_non_null(strstr(error, ":257: more than 256 lines"));
    free(error);
    bytes_clear(&text);
    for (int i = 0; i <= ACCESS_FILE_MAX; i++) bytes_append_char(&text, '#');
    bytes_append_char(&text, '\0');
    put(text.ptr, 0600);
    assert_null(access_create(path, &clock_system, &error));
    assert_non_null(strstr(error, "larger than 64 KiB"));
    free(error);
    bytes_release(&text);
}

int main(void) {
    close(mkstemp(path));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_credential_gets_its_answer),
        cmocka_unit_test(guesses_are_put_off_and_the_known_are_not),
        cmocka_unit_test(a_reload_takes_and_gives),
        cmocka_unit_test(every_fault_is_told),
        cmocka_unit_test(too_much_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
