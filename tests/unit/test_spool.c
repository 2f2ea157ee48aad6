#include "proxy/spool.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/memory_account.h"
#include "tests/support/exact.h"

/* --- a disk that fails when told to: these take the place of the C library's --- */

static bool no_tmpfile;
static uint64_t disk_room = UINT64_MAX; /* octets pwrite still takes */
static size_t pwrite_max = SIZE_MAX;    /* octets it takes at a time */
static size_t pwrite_calls;

int openat(int directory, const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, unsigned) : 0;
    va_end(args);
    if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) return errno = EOPNOTSUPP, -1;
    return (int)syscall(SYS_openat, directory, path, flags, mode);
}

ssize_t pwrite(int file, const void *octets, size_t len, off_t offset) {
    pwrite_calls++;
    if (disk_room == 0) return errno = ENOSPC, -1;
    if (len > disk_room) len = (size_t)disk_room;
    if (len > pwrite_max) len = pwrite_max;
    ssize_t done = syscall(SYS_pwrite64, file, octets, len, offset);
    if (done > 0 && disk_room != UINT64_MAX) disk_room -= (uint64_t)done;
    return done;
}

/* --- the house of each test --- */

static char folder[64];
static int directory;
static struct spool_account account;
static struct spool_pool *pool;

static void build(struct spool_limits limits, uint64_t account_max) {
    atomic_store(&account.used, 0);
    account.max = account_max;
    pool = spool_pool_create(limits, &account, directory);
    assert_non_null(pool);
}

static int make_folder(void **state) {
    (void)state;
    memcpy(folder, "/tmp/test_spool.XXXXXX", sizeof "/tmp/test_spool.XXXXXX");
    if (mkdtemp(folder) == NULL || (directory = spool_directory_open(folder, geteuid())) < 0) return -1;
    no_tmpfile = false;
    disk_room = UINT64_MAX;
    pwrite_max = SIZE_MAX;
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    close(directory);
    return rmdir(folder); /* fails when a file was left behind */
}

static char octet_at(uint64_t i) { return (char)(i * 31 + i / 251); }

static enum spool_status append_octets(struct spool *spool, size_t len) {
    uint64_t start = spool_size(spool);
    char *octets = malloc(len > 0 ? len : 1);
    assert_non_null(octets);
    for (size_t i = 0; i < len; i++) octets[i] = octet_at(start + i);
    enum spool_status status = spool_append(spool, (struct span){octets, len});
    free(octets);
    return status;
}

/* Reads from offset to the end with room octets of room. */
static void check_from(const struct spool *spool, uint64_t offset, size_t room) {
    char *scratch = malloc(room);
    struct span octets;
    assert_non_null(scratch);
    for (uint64_t at = offset; at < spool_size(spool); at += octets.len) {
        assert_int_equal(spool_read(spool, at, scratch, room, &octets), SPOOL_OK);
        assert_true(octets.len > 0 && octets.len <= spool_size(spool) - at);
        for (size_t i = 0; i < octets.len; i++)
            if (octets.ptr[i] != octet_at(at + i)) fail_msg("octet %zu", (size_t)at + i);
    }
    assert_int_equal(spool_read(spool, spool_size(spool), scratch, room, &octets), SPOOL_OK);
    assert_int_equal(octets.len, 0);
    free(scratch);
}

static const struct spool_limits usual = {.message_max = 1 << 20, .memory_max = 40000, .pool_memory_max = 1 << 20};

static void octets_come_back_from_memory_and_file(void **state) {
    static const size_t steps[] = {1, 100, 4095, SPOOL_FIRST_BLOCK, SPOOL_FIRST_BLOCK + 1, SPOOL_BLOCK, SPOOL_BLOCK + 1, 100000};
    (void)state;
    build(usual, UINT64_MAX);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (int with_file = 0; with_file < 2; with_file++) {
            struct spool *spool = spool_create(pool);
            size_t size = with_file ? 100000 : 39999;
            for (size_t at = 0, len; at < size; at += len) {
                len = size - at < steps[i] ? size - at : steps[i];
                assert_int_equal(append_octets(spool, len), SPOOL_OK);
            }
            assert_int_equal(spool_size(spool), size);
            assert_int_equal(spool_is_on_disk(spool), with_file);
            for (uint64_t offset = 0; offset <= size; offset += 4999) check_from(spool, offset, 3000);
            for (uint64_t offset = 39990; offset < 40010 && offset <= size; offset++) check_from(spool, offset, 7);
            assert_int_equal(atomic_load(&account.used), size);
            spool_destroy(spool);
            assert_int_equal(atomic_load(&account.used), 0);
        }
    spool_pool_destroy(pool);
}

/* A message of dots comes in three octets at a time, 50 MiB of it in 17 million pieces. */
static void small_pieces_are_gathered(void **state) {
    (void)state;
    build(usual, UINT64_MAX);
    struct spool *spool = spool_create(pool);
    pwrite_max = SIZE_MAX;
    pwrite_calls = 0;
    for (size_t at = 0; at < 240000; at += 3) assert_int_equal(append_octets(spool, 3), SPOOL_OK);
    assert_true(pwrite_calls > 0 && pwrite_calls <= 200000 / 2048);
    assert_int_equal(spool_size(spool), 240000);
    for (uint64_t offset = 0; offset < 240000; offset += 9973) check_from(spool, offset, 5000);
    for (uint64_t offset = 230000; offset < 240000; offset += 11) check_from(spool, offset, 700);
    disk_room = 0; /* the next flush fails, the octets before stay, and go out when there is room again */
    enum spool_status status = SPOOL_OK;
    while (status == SPOOL_OK) status = append_octets(spool, 3);
    uint64_t size = spool_size(spool);
    assert_int_equal(status, SPOOL_NO_SPACE);
    assert_true(size < 240000 + 8192 && atomic_load(&account.used) == size);
    check_from(spool, 230000, 700);
    disk_room = UINT64_MAX;
    assert_int_equal(append_octets(spool, 3), SPOOL_OK);
    assert_int_equal(append_octets(spool, 30000), SPOOL_OK);
    assert_int_equal(spool_size(spool), size + 30003);
    check_from(spool, 0, 5000);
    spool_destroy(spool);
    spool_pool_destroy(pool);
}

static void clear_makes_it_new(void **state) {
    (void)state;
    build(usual, UINT64_MAX);
    struct spool *spool = spool_create(pool);
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(append_octets(spool, 90000), SPOOL_OK);
        check_from(spool, 0, 5000);
        spool_clear(spool);
        assert_int_equal(spool_size(spool), 0);
        assert_false(spool_is_on_disk(spool));
        assert_int_equal(atomic_load(&account.used), 0);
    }
    assert_int_equal(append_octets(spool, 10), SPOOL_OK);
    check_from(spool, 0, 5);
    spool_destroy(spool);
    spool_pool_destroy(pool);
}

static size_t files_in_folder(void) {
    size_t count = 0;
    DIR *stream = opendir(folder);
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

static void the_file_has_no_name(void **state) {
    (void)state;
    build(usual, UINT64_MAX);
    for (int turn = 0; turn < 2; turn++) {
        struct spool *spool = spool_create(pool);
        no_tmpfile = turn == 1; /* as on file systems without O_TMPFILE */
        assert_int_equal(append_octets(spool, 100000), SPOOL_OK);
        assert_true(spool_is_on_disk(spool));
        assert_int_equal(files_in_folder(), 0);
        check_from(spool, 0, 5000);
        spool_destroy(spool);
    }
    spool_pool_destroy(pool);
}

static void caps_refuse_and_change_nothing(void **state) {
    (void)state;
    build((struct spool_limits){.message_max = 50000, .memory_max = 20000, .pool_memory_max = 1 << 20}, 70000);
    struct spool *a = spool_create(pool), *b = spool_create(pool);
    assert_int_equal(append_octets(a, 50001), SPOOL_TOO_LARGE);
    assert_int_equal(append_octets(a, 50000), SPOOL_OK);
    assert_int_equal(append_octets(a, 1), SPOOL_TOO_LARGE);
    assert_int_equal(append_octets(a, 0), SPOOL_OK);
    assert_int_equal(append_octets(b, 20001), SPOOL_FULL);
    assert_int_equal(spool_size(b), 0);
    assert_int_equal(append_octets(b, 20000), SPOOL_OK);
    assert_int_equal(append_octets(b, 1), SPOOL_FULL);
    spool_clear(a);
    assert_int_equal(append_octets(b, 1), SPOOL_OK);
    check_from(b, 0, 100);
    assert_int_equal(atomic_load(&account.used), 20001);
    spool_destroy(a);
    spool_destroy(b);
    spool_pool_destroy(pool);
}

static void a_full_pool_sends_octets_to_files(void **state) {
    (void)state;
    build((struct spool_limits){.message_max = 1 << 20, .memory_max = 1 << 18, .pool_memory_max = 3 * SPOOL_BLOCK + 5},
          UINT64_MAX);
    struct spool *a = spool_create(pool), *b = spool_create(pool);
    assert_int_equal(append_octets(a, 2 * SPOOL_BLOCK - 10), SPOOL_OK);
    assert_int_equal(append_octets(b, SPOOL_BLOCK + 1), SPOOL_OK);
    assert_false(spool_is_on_disk(a));
    assert_true(spool_is_on_disk(b));
    assert_int_equal(append_octets(a, 10), SPOOL_OK); /* room in its own block */
    assert_false(spool_is_on_disk(a));
    assert_int_equal(append_octets(a, 10), SPOOL_OK);
    assert_true(spool_is_on_disk(a));
    check_from(a, 0, 100);
    check_from(b, 0, 100);
    spool_destroy(b);
    assert_int_equal(append_octets(a, 10), SPOOL_OK); /* a file once begun goes on */
    check_from(a, 0, 100);
    spool_destroy(a);
    spool_pool_destroy(pool);
}

static void a_full_disk_refuses_and_changes_nothing(void **state) {
    (void)state;
    build(usual, UINT64_MAX);
    struct spool *spool = spool_create(pool);
    pwrite_max = 1000; /* the kernel may write less than asked */
    disk_room = 0;
    assert_int_equal(append_octets(spool, 30000), SPOOL_OK); /* memory */
    assert_int_equal(append_octets(spool, 30000), SPOOL_NO_SPACE);
    assert_int_equal(spool_size(spool), 30000);
    assert_int_equal(atomic_load(&account.used), 30000);
    disk_room = 10000;
    assert_int_equal(append_octets(spool, 30000), SPOOL_NO_SPACE); /* full in the middle */
    assert_int_equal(spool_size(spool), 30000);
    check_from(spool, 0, 100);
    disk_room = UINT64_MAX;
    assert_int_equal(append_octets(spool, 30000), SPOOL_OK);
    check_from(spool, 0, 100);
    spool_destroy(spool);
    spool_pool_destroy(pool);
}

/* The blocks that spools hold are counted at what they are, and given back. */
static void a_small_message_takes_a_small_block(void **state) {
    struct memory_account memory = {.max = SPOOL_BLOCK + 2 * SPOOL_FIRST_BLOCK};
    (void)state;
    build(usual, UINT64_MAX);
    account.memory = &memory;
    struct spool *a = spool_create(pool), *b = spool_create(pool), *c = spool_create(pool);
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(append_octets(a, 100), SPOOL_OK);
        assert_int_equal(append_octets(a, SPOOL_FIRST_BLOCK - 100), SPOOL_OK);
        assert_int_equal(atomic_load(&memory.used), SPOOL_FIRST_BLOCK);
        assert_int_equal(append_octets(b, SPOOL_FIRST_BLOCK + 1), SPOOL_OK); /* at once: a usual block */
        assert_int_equal(atomic_load(&memory.used), SPOOL_BLOCK + SPOOL_FIRST_BLOCK);
        spool_clear(b);
        assert_int_equal(append_octets(a, 1), SPOOL_OK); /* moves into a usual one */
        assert_int_equal(atomic_load(&memory.used), SPOOL_BLOCK);
        check_from(a, 0, 100);
        assert_int_equal(append_octets(b, 10), SPOOL_OK);
        assert_int_equal(append_octets(c, 10), SPOOL_OK);
        assert_int_equal(append_octets(c, SPOOL_FIRST_BLOCK), SPOOL_OK); /* no memory to move into: the rest to the file */
        assert_true(spool_is_on_disk(c) && !spool_is_on_disk(a) && !spool_is_on_disk(b));
        assert_int_equal(atomic_load(&memory.used), memory.max);
        check_from(a, 0, 100);
        check_from(b, 0, 100);
        check_from(c, 0, 100);
        spool_clear(a);
        spool_clear(b);
        spool_clear(c);
        assert_int_equal(atomic_load(&memory.used), 0);
    }
    spool_destroy(a);
    spool_destroy(b);
    spool_destroy(c);
    account.memory = NULL;
    spool_pool_destroy(pool);
}

/* What the worker's messages may keep in memory counts first blocks as well, to the octet. */
static void a_pool_may_end_within_a_block(void **state) {
    (void)state;
    build((struct spool_limits){.message_max = 1 << 20, .memory_max = 1 << 18, .pool_memory_max = SPOOL_BLOCK + SPOOL_FIRST_BLOCK},
          UINT64_MAX);
    struct spool *a = spool_create(pool), *b = spool_create(pool), *c = spool_create(pool);
    assert_int_equal(append_octets(a, 10), SPOOL_OK);
    assert_int_equal(append_octets(b, 10), SPOOL_OK);
    assert_int_equal(append_octets(c, SPOOL_FIRST_BLOCK), SPOOL_OK);
    assert_false(spool_is_on_disk(a) || spool_is_on_disk(b) || spool_is_on_disk(c));
    assert_int_equal(append_octets(c, 1), SPOOL_OK);
    assert_true(spool_is_on_disk(c));
    spool_clear(b);
    assert_int_equal(append_octets(a, 2 * SPOOL_FIRST_BLOCK - 10), SPOOL_OK); /* what b gave back makes a whole block */
    assert_false(spool_is_on_disk(a));
    assert_int_equal(append_octets(a, 1), SPOOL_OK);
    assert_true(spool_is_on_disk(a));
    check_from(a, 0, 100);
    check_from(c, 0, 100);
    spool_destroy(a);
    spool_destroy(b);
    spool_destroy(c);
    spool_pool_destroy(pool);
}

static void without_a_directory_there_is_memory_only(void **state) {
    (void)state;
    atomic_store(&account.used, 0);
    account.max = UINT64_MAX;
    pool = spool_pool_create(usual, &account, -1);
    struct spool *spool = spool_create(pool);
    assert_int_equal(append_octets(spool, 40000), SPOOL_OK);
    assert_int_equal(append_octets(spool, 1), SPOOL_NO_MEMORY);
    check_from(spool, 0, 100);
    spool_destroy(spool);
    spool_pool_destroy(pool);
}

static void a_directory_of_others_is_refused(void **state) {
    char path[96], other[96];
    struct stat info;
    (void)state;
    snprintf(path, sizeof path, "%s/made", folder);
    int fd = spool_directory_open(path, geteuid());
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    close(fd);

    snprintf(other, sizeof other, "%s/link", folder);
    assert_int_equal(symlink(path, other), 0);
    assert_int_equal(spool_directory_open(other, geteuid()), -1);
    assert_true(errno == ELOOP || errno == ENOTDIR);
    unlink(other);

    assert_int_equal(chmod(path, 0770), 0);
    assert_int_equal(spool_directory_open(path, geteuid()), -1);
    assert_int_equal(errno, EPERM);
    rmdir(path);
    snprintf(other, sizeof other, "%s/no/such/parent", folder);
    assert_int_equal(spool_directory_open(other, geteuid()), -1);
    assert_int_equal(errno, ENOENT);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(octets_come_back_from_memory_and_file),
        IN_FOLDER(small_pieces_are_gathered), IN_FOLDER(clear_makes_it_new),
        IN_FOLDER(the_file_has_no_name),
        IN_FOLDER(caps_refuse_and_change_nothing),
        IN_FOLDER(a_full_pool_sends_octets_to_files),
        IN_FOLDER(a_full_disk_refuses_and_changes_nothing),
        IN_FOLDER(a_small_message_takes_a_small_block),
        IN_FOLDER(a_pool_may_end_within_a_block),
        IN_FOLDER(without_a_directory_there_is_memory_only),
        IN_FOLDER(a_directory_of_others_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
