#include "http/process_stats.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FILE_MAX = 1024 * 1024 }; /* /proc/stat names every interrupt of the machine before what we look for */

/* The whole of a small file as a C string that the caller frees; NULL when it cannot be read or is larger. */
static char *read_file(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd >= 0 ? malloc(FILE_MAX) : NULL;
    size_t len = 0;
    ssize_t got = text != NULL ? 1 : -1;
    while (got > 0 && len < FILE_MAX - 1) {
        got = read(fd, text + len, FILE_MAX - 1 - len);
        if (got > 0) len += (size_t)got;
    }
    if (fd >= 0) close(fd);
    if (got != 0) return free(text), NULL;
    text[len] = '\0';
    return text;
}

/* proc(5): fields 14 utime, 15 stime, 22 starttime in ticks, 23 vsize in octets, 24 rss in pages. */
static bool read_own_stat(struct process_stats *stats, uint64_t *start_ticks) {
    enum { FIRST = 3, UTIME = 14, STIME = 15, START = 22, VSIZE = 23, RSS = 24 };
    uint64_t field[RSS + 1] = {0}, ticks = (uint64_t)sysconf(_SC_CLK_TCK);
    char *text = read_file("/proc/self/stat");
    char *at = text != NULL ? strrchr(text, ')') : NULL; /* field 2, the name, may hold blanks and brackets */
    int number = FIRST - 1;
    while (at != NULL && number < RSS && (at = strchr(at, ' ')) != NULL) field[++number] = strtoull(++at, NULL, 10);
    free(text);
    if (number < RSS) return false;
    stats->cpu_us = (field[UTIME] + field[STIME]) * 1000000 / ticks;
    stats->virtual_bytes = field[VSIZE];
    stats->resident_bytes = field[RSS] * (uint64_t)sysconf(_SC_PAGESIZE);
    *start_ticks = field[START];
    return true;
}

static bool read_boot_time(int64_t *unix_s) {
    char *text = read_file("/proc/stat");
    const char *line = text != NULL ? strstr(text, "\nbtime ") : NULL;
    if (line != NULL) *unix_s = strtoll(line + 7, NULL, 10);
    free(text);
    return line != NULL;
}

static bool count_descriptors(uint64_t *count) {
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) return false;
    *count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) *count += entry->d_name[0] != '.';
    closedir(folder);
    (*count)--; /* the folder's own */
    return true;
}

bool process_stats_read(struct process_stats *stats) {
    struct rlimit limit;
    int64_t boot_s;
    uint64_t start_ticks;
    if (!read_own_stat(stats, &start_ticks) || !read_boot_time(&boot_s) || !count_descriptors(&stats->open_fds) ||
        getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    stats->max_fds = limit.rlim_cur;
    stats->start_unix_s = boot_s + (int64_t)(start_ticks / (uint64_t)sysconf(_SC_CLK_TCK));
    return true;
}
