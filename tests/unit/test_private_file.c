#include "base/private_file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { STRANGER = 12345 };

static char folder[64];

static const char *in_folder(const char *name) {
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name, mode_t mode) {
    int fd = open(in_folder(name), O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "key\n", 4), 4);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void make_link(const char *target, const char *name) { assert_int_equal(symlink(target, in_folder(name)), 0); }
static void make_folder(const char *name, mode_t mode) {
    assert_int_equal(mkdir(in_folder(name), 0700), 0);
    assert_int_equal(chmod(in_folder(name), mode), 0);
}

static int make_all(void **state) {
    (void)state;
    strcpy(folder, "/tmp/sceau-test-XXXXXX");
    if (mkdtemp(folder) == NULL) return -1;
    make_file("good", 0600);
    make_file("open", 0640);
    make_folder("live", 0700);
    make_folder("archive", 0755);
    make_folder("shared", 0777);
    make_folder("sticky", 01777);
    make_file("archive/key1.pem", 0400);
    make_file("shared/key", 0600);
    make_link("../archive/key1.pem", "live/key.pem"); /* as certbot has it */
    make_link("good", "link");
    make_link("link", "twice");
    make_link("archive", "here");
    make_link("loop", "loop");
    make_link("nowhere", "dangling");
    make_link("../good", "shared/link");
    make_link("../good", "sticky/link");
    make_link("shared/key", "into-shared");
    make_link("open", "to-open");
    make_link(".", "to-folder");
    char target[PATH_MAX];
    snprintf(target, sizeof target, "%s", in_folder("archive/key1.pem"));
    make_link(target, "absolute");
    return mkfifo(in_folder("fifo"), 0600);
}

static const struct {
    const char *name;
    enum private_file_status want;
} rows[] = {
    {"good", PRIVATE_FILE_OK},
    {"live/key.pem", PRIVATE_FILE_OK},
    {"link", PRIVATE_FILE_OK},
    {"twice", PRIVATE_FILE_OK},
    {"absolute", PRIVATE_FILE_OK},
    {"sticky/link", PRIVATE_FILE_OK},
    {"shared/key", PRIVATE_FILE_OK}, /* no link: the file itself is looked at */
    {"here/key1.pem", PRIVATE_FILE_OK},
    {"loop", PRIVATE_FILE_BAD_LINK},
    {"shared/link", PRIVATE_FILE_BAD_LINK},
    {"into-shared", PRIVATE_FILE_BAD_LINK},
    {"dangling", PRIVATE_FILE_UNREADABLE},
    {"none", PRIVATE_FILE_UNREADABLE},
    {"open", PRIVATE_FILE_EXPOSED},
    {"to-open", PRIVATE_FILE_EXPOSED},
    {"fifo", PRIVATE_FILE_NO_FILE},
    {"archive", PRIVATE_FILE_NO_FILE},
    {"to-folder", PRIVATE_FILE_NO_FILE},
};

static void expect(const char *name, enum private_file_status want) {
    int fd;
    enum private_file_status got = private_file_open(in_folder(name), 4, &fd);
    if (got != want || (fd >= 0) != (want == PRIVATE_FILE_OK)) fail_msg("%s: %s", name, private_file_status_text(got));
    if (fd >= 0) close(fd);
}

static void every_row_is_opened_or_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) expect(rows[i].name, rows[i].want);
    int fd;
    assert_int_equal(private_file_open(in_folder("good"), 3, &fd), PRIVATE_FILE_TOO_LARGE);
    assert_int_equal(private_file_open(in_folder("none"), 3, &fd), PRIVATE_FILE_UNREADABLE);
    assert_int_equal(errno, ENOENT);
}

static void what_is_a_strangers_is_not_ours(void **state) {
    (void)state;
    if (geteuid() != 0) skip(); /* only root can give files away */
    make_file("foreign", 0600);
    make_link("good", "foreign-link");
    assert_int_equal(chown(in_folder("foreign"), STRANGER, STRANGER), 0);
    assert_int_equal(lchown(in_folder("foreign-link"), STRANGER, STRANGER), 0);
    expect("foreign", PRIVATE_FILE_FOREIGN);
    expect("foreign-link", PRIVATE_FILE_BAD_LINK);
    private_file_trust(STRANGER);
    expect("foreign", PRIVATE_FILE_OK);
    expect("foreign-link", PRIVATE_FILE_OK);
    private_file_trust(0);
}

static int remove_all(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_opened_or_refused),
        cmocka_unit_test(what_is_a_strangers_is_not_ours),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
