#include "proxy/maildir.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SCRATCH = 65536,   /* octets read from a spool's file at a time */
    HOST_MAX = 64,     /* octets of our host name in a file name */
    NAME_ATTEMPTS = 16 /* when a name is taken: another process with our pid, in another container */
};

struct maildir {
    const struct clock *clock;
    char host[HOST_MAX];
    _Atomic uint64_t count; /* of names made */
    pthread_mutex_t lock;   /* of queue and stopping */
    pthread_cond_t changed;
    struct list queue;
    bool stopping;
    unsigned thread_count;
    pthread_t thread[];
};

/* One delivery under way: descriptors are -1 when not open. */
struct delivery {
    struct maildir *maildir;
    struct maildir_job *job;
    int folder, cur, new, tmp, file;
    char *scratch;
    bool in_tmp, in_new; /* a file of that name is there */
};

const char *maildir_status_text(enum maildir_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {MAILDIR_STATUSES(X)};
#undef X
    return texts[status];
}

static bool is_out_of_space(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

/* Notes what failed, from errno. */
static bool fail(struct delivery *delivery, enum maildir_status status) {
    delivery->job->error = errno;
    delivery->job->status = is_out_of_space(errno) ? MAILDIR_NO_SPACE : status;
    return false;
}

static int open_folder(int at, const char *path) {
    return openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Opens the folder, which is nearly always there. */
static bool open_or_make(int at, const char *path, int *fd, bool *made) {
    if ((*fd = open_folder(at, path)) >= 0) return true;
    if (errno != ENOENT || (mkdirat(at, path, 0700) != 0 && errno != EEXIST)) return false;
    *made = true; /* by us, or by another thread that may not have made it safe yet */
    return (*fd = open_folder(at, path)) >= 0;
}

/* Makes what is missing, and makes that safe on disk. */
static bool open_folders(struct delivery *delivery) {
    const struct { const char *name; int *fd; } parts[] = {
        {"cur", &delivery->cur}, {"new", &delivery->new}, {"tmp", &delivery->tmp}};
    bool made = false, made_inside = false;
    if (!open_or_make(AT_FDCWD, delivery->job->folder, &delivery->folder, &made)) return fail(delivery, MAILDIR_FOLDER);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!open_or_make(delivery->folder, parts[i].name, parts[i].fd, &made_inside)) return fail(delivery, MAILDIR_FOLDER);
    if (made_inside && fsync(delivery->folder) != 0) return fail(delivery, MAILDIR_FSYNC);
    if (made) {
        int parent = open_folder(delivery->folder, "..");
        bool safe = parent >= 0 && fsync(parent) == 0;
        if (!safe) fail(delivery, MAILDIR_FSYNC);
        if (parent >= 0) close(parent);
        return safe;
    }
    return true;
}

/* The seconds say when; the rest only has to be unique. */
static void make_name(struct delivery *delivery) {
    struct maildir *maildir = delivery->maildir;
    uint64_t count = atomic_fetch_add_explicit(&maildir->count, 1, memory_order_relaxed);
    int64_t microsecond = clock_monotonic_us(maildir->clock) % 1000000;
    snprintf(delivery->job->name, sizeof delivery->job->name, "%lld.M%lldP%ldQ%llu.%s",
             (long long)clock_unix_s(maildir->clock), (long long)microsecond, (long)getpid(),
             (unsigned long long)count, maildir->host);
}

static bool create_file(struct delivery *delivery) {
    for (int attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
        make_name(delivery);
        delivery->file = openat(delivery->tmp, delivery->job->name,
                                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (delivery->file >= 0) return delivery->in_tmp = true;
        if (errno != EEXIST) break;
    }
    return fail(delivery, MAILDIR_WRITE);
}

static bool write_octets(struct delivery *delivery, struct span octets) {
    for (size_t done = 0; done < octets.len;) {
        ssize_t len = write(delivery->file, octets.ptr + done, octets.len - done);
        if (len > 0)
            done += (size_t)len;
        else if (len == 0 || errno != EINTR)
            return fail(delivery, MAILDIR_WRITE);
    }
    return true;
}

static bool write_spool(struct delivery *delivery) {
    const struct maildir_job *job = delivery->job;
    if (job->spool == NULL) return true;
    for (uint64_t at = job->spool_offset; at < spool_size(job->spool);) {
        struct span octets;
        errno = 0;
        if (spool_read(job->spool, at, delivery->scratch, SCRATCH, &octets) != SPOOL_OK)
            return fail(delivery, MAILDIR_SPOOL);
        if (!write_octets(delivery, octets)) return false;
        at += octets.len;
    }
    return true;
}

static bool write_file(struct delivery *delivery) {
    for (size_t i = 0; i < delivery->job->head_count; i++)
        if (!write_octets(delivery, delivery->job->head[i])) return false;
    if (!write_spool(delivery)) return false;
    if (fsync(delivery->file) != 0) return fail(delivery, MAILDIR_FSYNC);
    int file = delivery->file;
    delivery->file = -1;
    return close(file) == 0 || fail(delivery, MAILDIR_WRITE); /* network file systems report late */
}

static bool move_to_new(struct delivery *delivery) {
    const char *name = delivery->job->name;
    bool moved = renameat2(delivery->tmp, name, delivery->new, name, RENAME_NOREPLACE) == 0;
    if (!moved && (errno == EINVAL || errno == ENOSYS)) /* the file system cannot promise; the name is unique anyway */
        moved = renameat(delivery->tmp, name, delivery->new, name) == 0;
    if (!moved) return fail(delivery, MAILDIR_RENAME);
    delivery->in_tmp = false;
    delivery->in_new = true;
    return fsync(delivery->new) == 0 || fail(delivery, MAILDIR_FSYNC);
}

static void close_if_open(int fd) {
    if (fd >= 0) close(fd);
}

static void deliver(struct maildir *maildir, struct maildir_job *job, char *scratch) {
    struct delivery delivery = {.maildir = maildir, .job = job, .scratch = scratch,
                                .folder = -1, .cur = -1, .new = -1, .tmp = -1, .file = -1};
    job->status = MAILDIR_OK;
    job->error = 0;
    job->name[0] = '\0';
    bool done = open_folders(&delivery) && create_file(&delivery) && write_file(&delivery) && move_to_new(&delivery);
    close_if_open(delivery.file);
    if (!done && delivery.in_tmp) unlinkat(delivery.tmp, job->name, 0);
    if (!done && delivery.in_new) unlinkat(delivery.new, job->name, 0); /* the client will send it again */
    if (!done) job->name[0] = '\0';
    close_if_open(delivery.cur);
    close_if_open(delivery.new);
    close_if_open(delivery.tmp);
    close_if_open(delivery.folder);
}

static void report(struct loop_task *task) {
    struct maildir_job *job = LIST_ENTRY(task, struct maildir_job, report);
    job->done(job);
}

/* The next job; NULL when the maildir stops and none is left. */
static struct maildir_job *next_job(struct maildir *maildir) {
    pthread_mutex_lock(&maildir->lock);
    while (list_is_empty(&maildir->queue) && !maildir->stopping)
        pthread_cond_wait(&maildir->changed, &maildir->lock);
    struct list *node = list_take_first(&maildir->queue);
    pthread_mutex_unlock(&maildir->lock);
    return node != NULL ? LIST_ENTRY(node, struct maildir_job, node) : NULL;
}

static void *work(void *owner) {
    struct maildir *maildir = owner;
    char *scratch = malloc(SCRATCH);
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL); /* signals are the main thread's */
    for (struct maildir_job *job; (job = next_job(maildir)) != NULL;) {
        if (scratch == NULL) scratch = malloc(SCRATCH);
        if (scratch != NULL)
            deliver(maildir, job, scratch);
        else
            job->status = MAILDIR_NO_MEMORY, job->error = ENOMEM, job->name[0] = '\0';
        loop_post(job->loop, &job->report); /* the job may be gone from here on */
    }
    free(scratch);
    return NULL;
}

/* Our host name as it may stand in a file name: '/' and ':' as the Maildir page asks, cut at HOST_MAX. */
static void set_host(struct maildir *maildir) {
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') memcpy(host, "localhost", sizeof "localhost");
    size_t len = 0;
    for (const char *c = host; *c != '\0' && len + 5 < sizeof maildir->host; c++) {
        const char *escaped = *c == '/' ? "\\057" : *c == ':' ? "\\072" : NULL;
        size_t part = escaped != NULL ? 4 : 1;
        memcpy(maildir->host + len, escaped != NULL ? escaped : c, part);
        len += part;
    }
    maildir->host[len] = '\0';
}

struct maildir *maildir_create(unsigned threads, const struct clock *clock) {
    struct maildir *maildir = calloc(1, sizeof *maildir + threads * sizeof *maildir->thread);
    if (maildir == NULL) return NULL;
    maildir->clock = clock;
    list_init(&maildir->queue);
    set_host(maildir);
    if (pthread_mutex_init(&maildir->lock, NULL) != 0) return free(maildir), NULL;
    if (pthread_cond_init(&maildir->changed, NULL) != 0) {
        pthread_mutex_destroy(&maildir->lock);
        free(maildir);
        return NULL;
    }
    for (; maildir->thread_count < threads; maildir->thread_count++)
        if (pthread_create(&maildir->thread[maildir->thread_count], NULL, work, maildir) != 0) {
            maildir_destroy(maildir);
            return NULL;
        }
    return maildir;
}

void maildir_destroy(struct maildir *maildir) {
    if (maildir == NULL) return;
    pthread_mutex_lock(&maildir->lock);
    maildir->stopping = true;
    pthread_cond_broadcast(&maildir->changed);
    pthread_mutex_unlock(&maildir->lock);
    for (unsigned i = 0; i < maildir->thread_count; i++) pthread_join(maildir->thread[i], NULL);
    pthread_cond_destroy(&maildir->changed);
    pthread_mutex_destroy(&maildir->lock);
    free(maildir);
}

void maildir_submit(struct maildir *maildir, struct maildir_job *job) {
    job->report.run = report;
    list_init(&job->report.node);
    pthread_mutex_lock(&maildir->lock);
    list_append(&maildir->queue, &job->node);
    pthread_cond_signal(&maildir->changed);
    pthread_mutex_unlock(&maildir->lock);
}

void maildir_return_path_write(struct bytes *out, struct span path) {
    bytes_append_text(out, "Return-Path: <");
    bytes_append(out, path);
    bytes_append_text(out, ">\r\n");
}
