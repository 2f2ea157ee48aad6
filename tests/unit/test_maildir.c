#include "proxy/maildir.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- a disk that fails when told to: these take the place of the C library's --- */

static _Atomic int fail_fsync_at; /* the nth fsync from now on fails; 0: none */
static _Atomic int rename_error;  /* errno of renameat2, 0: it works */

int fsync(int file) {
    if (atomic_load(&fail_fsync_at) > 0 && atomic_fetch_sub(&fail_fsync_at, 1) == 1) return errno = EIO, -1;
    return (int)syscall(SYS_fsync, file);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    if (atomic_load(&rename_error) != 0) return errno = atomic_load(&rename_error), -1;
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

/* --- the house of each test --- */

static char folder[64], box[96];
static struct loop *loop;
static struct clock_fixed now;
static struct maildir *maildir;
static struct spool_account account = {.max = UINT64_MAX};
static struct spool_pool *pool;
static struct spool *spool;
static int calls;

static int build(void **state) {
    (void)state;
    memcpy(folder, "/tmp/test_maildir.XXXXXX", sizeof "/tmp/test_maildir.XXXXXX");
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(box, sizeof box, "%s/box", folder);
    loop = loop_create();
    now = clock_fixed_at(1700000000);
    now.monotonic_us = 7123456;
    maildir = maildir_create(2, &now.clock);
    pool = spool_pool_create((struct spool_limits){1 << 20, 1 << 20, 1 << 20}, &account, -1);
    spool = spool_create(pool);
    calls = 0;
    atomic_store(&fail_fsync_at, 0);
    atomic_store(&rename_error, 0);
    return loop == NULL || maildir == NULL || spool == NULL ? -1 : 0;
}

static void remove_all(const char *path) {
    DIR *stream = opendir(path);
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        char inner[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0) remove_all(inner);
    }
    if (stream != NULL) closedir(stream);
    rmdir(path);
}

static int tear_down(void **state) {
    (void)state;
    spool_destroy(spool);
    spool_pool_destroy(pool);
    maildir_destroy(maildir);
    loop_destroy(loop);
    remove_all(folder);
    return 0;
}

static void on_done(struct maildir_job *job) {
    (void)job;
    calls++;
    loop_stop(loop);
}

static const struct span head[] = {{"A-R: x\r\n", 8}, {"From: a\r\n\r\n", 11}};

static struct maildir_job job_for(const char *path) {
    return (struct maildir_job){.folder = path, .head = head, .head_count = 2, .spool = spool, .spool_offset = 4,
                                .loop = loop, .done = on_done};
}

static enum maildir_status deliver(struct maildir_job *job) {
    int before = calls;
    maildir_submit(maildir, job);
    assert_int_equal(calls, before); /* never from inside the call */
    assert_true(loop_run(loop));
    assert_int_equal(calls, before + 1);
    return job->status;
}

/* Files in box/name; the last one's path in *path when wanted. */
static size_t count_files(const char *name, char *path, size_t room) {
    char inner[128];
    size_t count = 0;
    snprintf(inner, sizeof inner, "%s/%s", box, name);
    DIR *stream = opendir(inner);
    if (stream == NULL) return 0;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        count++;
        if (path != NULL) snprintf(path, room, "%s/%s", inner, entry->d_name);
    }
    closedir(stream);
    return count;
}

static void a_message_is_stored_octet_for_octet(void **state) {
    char path[512], got[64];
    struct stat info;
    (void)state;
    assert_int_equal(spool_append(spool, (struct span){"From.body\0\r\n", 12}), SPOOL_OK);
    struct maildir_job job = job_for(box);
    assert_int_equal(deliver(&job), MAILDIR_OK);
    assert_int_equal(count_files("tmp", NULL, 0), 0);
    assert_int_equal(count_files("cur", NULL, 0), 0);
    assert_int_equal(count_files("new", path, sizeof path), 1);
    assert_string_equal(strrchr(path, '/') + 1, job.name);
    assert_int_equal(strncmp(job.name, "1700000000.M123456P", 19), 0);
    assert_non_null(strstr(job.name, "Q0."));
    assert_null(strchr(strstr(job.name, "Q0."), ':'));

    int file = open(path, O_RDONLY);
    assert_true(file >= 0 && fstat(file, &info) == 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(read(file, got, sizeof got), 19 + 8);
    assert_memory_equal(got, "A-R: x\r\nFrom: a\r\n\r\n.body\0\r\n", 27);
    close(file);
    assert_int_equal(stat(box, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void hundreds_of_names_differ(void **state) {
    enum { JOBS = 300 };
    struct maildir_job *jobs = calloc(JOBS, sizeof *jobs);
    (void)state;
    assert_non_null(jobs);
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = job_for(box);
        jobs[i].spool = NULL;
        maildir_submit(maildir, &jobs[i]);
    }
    while (calls < JOBS) assert_true(loop_run(loop));
    for (int i = 0; i < JOBS; i++) assert_int_equal(jobs[i].status, MAILDIR_OK);
    assert_int_equal(count_files("new", NULL, 0), JOBS);
    free(jobs);
}

static void the_disk_fails_and_nothing_remains(void **state) {
    /* in a fresh box: fsync of the box, of its parent, of the file, of new */
    (void)state;
    for (int nth = 1; nth <= 4; nth++) {
        struct maildir_job job = job_for(box);
        remove_all(box);
        spool_clear(spool);
        assert_int_equal(spool_append(spool, span_of("0123456789")), SPOOL_OK);
        atomic_store(&fail_fsync_at, nth);
        assert_int_equal(deliver(&job), MAILDIR_FSYNC);
        assert_int_equal(job.error, EIO);
        assert_string_equal(job.name, "");
        assert_int_equal(count_files("tmp", NULL, 0) + count_files("new", NULL, 0) + count_files("cur", NULL, 0), 0);
        assert_int_equal(deliver(&job), MAILDIR_OK); /* and the next one is not harmed */
    }
}

static void the_rename_fails_or_cannot_promise(void **state) {
    struct maildir_job job = job_for(box);
    (void)state;
    job.spool = NULL;
    atomic_store(&rename_error, EACCES);
    assert_int_equal(deliver(&job), MAILDIR_RENAME);
    assert_int_equal(count_files("tmp", NULL, 0) + count_files("new", NULL, 0), 0);
    atomic_store(&rename_error, ENOSPC);
    assert_int_equal(deliver(&job), MAILDIR_NO_SPACE);
    atomic_store(&rename_error, EINVAL); /* no RENAME_NOREPLACE here */
    assert_int_equal(deliver(&job), MAILDIR_OK);
    assert_int_equal(count_files("new", NULL, 0), 1);
}

static void symbolic_links_are_refused(void **state) {
    char target[96], link[128];
    struct maildir_job job = job_for(box);
    (void)state;
    job.spool = NULL;
    snprintf(target, sizeof target, "%s/target", folder);
    assert_int_equal(mkdir(target, 0700), 0);
    assert_int_equal(symlink(target, box), 0);
    assert_int_equal(deliver(&job), MAILDIR_FOLDER);
    unlink(box);
    assert_int_equal(mkdir(box, 0700), 0);
    static const char *const names[] = {"tmp", "new", "cur"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(link, sizeof link, "%s/%s", box, names[i]);
        rmdir(link);
        assert_int_equal(symlink(target, link), 0);
        assert_int_equal(deliver(&job), MAILDIR_FOLDER);
        unlink(link);
    }
    assert_int_equal(deliver(&job), MAILDIR_OK);
}

static void a_folder_that_cannot_be_is_said(void **state) {
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s/no/such/parent", folder);
    struct maildir_job job = job_for(path);
    job.spool = NULL;
    assert_int_equal(deliver(&job), MAILDIR_FOLDER);
    assert_int_equal(job.error, ENOENT);
}

static void destroy_finishes_what_was_submitted(void **state) {
    enum { JOBS = 20 };
    struct maildir_job jobs[JOBS];
    (void)state;
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = job_for(box);
        jobs[i].spool = NULL;
        maildir_submit(maildir, &jobs[i]);
    }
    maildir_destroy(maildir);
    maildir = NULL;
    assert_int_equal(calls, 0);
    assert_int_equal(count_files("new", NULL, 0), JOBS);
    while (calls < JOBS) assert_true(loop_run(loop));
}

static void the_return_path_is_written(void **state) {
    struct bytes out = bytes_with_cap(100);
    (void)state;
    maildir_return_path_write(&out, span_of("a@b.example"));
    maildir_return_path_write(&out, (struct span){NULL, 0});
    assert_true(span_is(bytes_span(&out), "Return-Path: <a@b.example>\r\nReturn-Path: <>\r\n"));
    bytes_release(&out);
}

#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, build, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_HOUSE(a_message_is_stored_octet_for_octet), IN_HOUSE(hundreds_of_names_differ),
        IN_HOUSE(the_disk_fails_and_nothing_remains),  IN_HOUSE(the_rename_fails_or_cannot_promise),
        IN_HOUSE(symbolic_links_are_refused),          IN_HOUSE(a_folder_that_cannot_be_is_said),
        IN_HOUSE(destroy_finishes_what_was_submitted), IN_HOUSE(the_return_path_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
