#include "base/private_file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 16 };

static uid_t trusted; /* 0, root, who is trusted anyway */

const char *private_file_status_text(enum private_file_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {PRIVATE_FILE_STATUSES(X)};
#undef X
    return texts[status];
}

void private_file_trust(uid_t owner) { trusted = owner; }

static bool is_ours(const struct stat *info) {
    return info->st_uid == 0 || info->st_uid == geteuid() || info->st_uid == trusted;
}

static enum private_file_status judge(int fd, size_t max) {
    struct stat info;
    if (fstat(fd, &info) != 0) return PRIVATE_FILE_UNREADABLE;
    if (!S_ISREG(info.st_mode)) return PRIVATE_FILE_NO_FILE;
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) return PRIVATE_FILE_EXPOSED;
    if (!is_ours(&info)) return PRIVATE_FILE_FOREIGN;
    return (size_t)info.st_size <= max ? PRIVATE_FILE_OK : PRIVATE_FILE_TOO_LARGE;
}

/* -- the way there, link by link -- */

struct walk {
    int folder;
    unsigned links;
    char rest[PATH_MAX]; /* of the path, from folder on */
};

static void enter(struct walk *walk, int folder) {
    if (walk->folder >= 0) close(walk->folder);
    walk->folder = folder;
}

/* Nobody else can put another thing in the place of what is in it. */
static bool is_safe(int folder) {
    struct stat info;
    if (fstat(folder, &info) != 0 || !S_ISDIR(info.st_mode) || !is_ours(&info)) return false;
    return (info.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (info.st_mode & S_ISVTX) != 0;
}

/* Takes the first name off rest, which begins in walk->folder afterwards. False: there is none. */
static bool take_name(struct walk *walk, char name[NAME_MAX + 1]) {
    if (walk->rest[0] == '/') enter(walk, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    size_t start = strspn(walk->rest, "/"), len = strcspn(walk->rest + start, "/");
    if (len == 0 || len > NAME_MAX) return false;
    memcpy(name, walk->rest + start, len);
    name[len] = '\0';
    size_t end = start + len + strspn(walk->rest + start + len, "/");
    memmove(walk->rest, walk->rest + end, strlen(walk->rest + end) + 1);
    return true;
}

/* What the link says comes before the rest of the path. */
static bool follow_link(struct walk *walk, int link) {
    char target[PATH_MAX];
    ssize_t len = readlinkat(link, "", target, sizeof target);
    size_t rest_len = strlen(walk->rest);
    if (++walk->links > LINKS_MAX || len <= 0 || (size_t)len + 1 + rest_len >= sizeof walk->rest) return false;
    bool is_last = rest_len == 0;
    memmove(walk->rest + len + !is_last, walk->rest, rest_len + 1);
    memcpy(walk->rest, target, (size_t)len);
    if (!is_last) walk->rest[len] = '/';
    return true;
}

/* One name further; *fd is the file when this was the last one. */
static enum private_file_status step(struct walk *walk, int *fd) {
    char name[NAME_MAX + 1];
    struct stat info;
    if (!take_name(walk, name)) return PRIVATE_FILE_NO_FILE;
    if (walk->folder < 0) return PRIVATE_FILE_UNREADABLE;
    if (!is_safe(walk->folder)) return PRIVATE_FILE_BAD_LINK;
    int next = openat(walk->folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0 || fstat(next, &info) != 0) return PRIVATE_FILE_UNREADABLE;
    if (S_ISLNK(info.st_mode)) {
        bool is_followed = is_ours(&info) && follow_link(walk, next);
        close(next);
        return is_followed ? PRIVATE_FILE_OK : PRIVATE_FILE_BAD_LINK;
    }
    if (walk->rest[0] != '\0') {
        enter(walk, next);
        return PRIVATE_FILE_OK;
    }
    close(next);
    *fd = openat(walk->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    return *fd >= 0 ? PRIVATE_FILE_OK : PRIVATE_FILE_UNREADABLE;
}

static enum private_file_status open_by_links(const char *path, int *fd) {
    struct walk walk = {.folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    enum private_file_status status = PRIVATE_FILE_OK;
    if (strlen(path) >= sizeof walk.rest)
        status = PRIVATE_FILE_NO_FILE;
    else
        memcpy(walk.rest, path, strlen(path) + 1);
    while (status == PRIVATE_FILE_OK && *fd < 0) status = step(&walk, fd);
    int error = errno;
    enter(&walk, -1);
    errno = error;
    return status;
}

enum private_file_status private_file_open(const char *path, size_t max, int *fd) {
    enum private_file_status status = PRIVATE_FILE_OK;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0) status = errno == ELOOP ? open_by_links(path, fd) : PRIVATE_FILE_UNREADABLE;
    if (status == PRIVATE_FILE_OK) status = judge(*fd, max);
    if (status == PRIVATE_FILE_OK || *fd < 0) return status;
    int error = errno;
    close(*fd);
    *fd = -1;
    errno = error;
    return status;
}
