/* tests/faults/shim.c -- makes calls of the C library fail or fall short now and then; loaded with LD_PRELOAD, for
 * tests only. SCEAU_SHIM: rules "CALL FAULT N" with commas between them: of the calls named CALL, one in N, by a fixed
 * sequence, meets FAULT: the name of an errno, or "short" (send, recv, pread, pwrite, write: less than asked for),
 * "null" (malloc and its kin), "jump" (clock: CLOCK_REALTIME goes to another time and stays there until the next jump).
 * A wrong rule ends the program. SCEAU_SHIM_STATE: a file of at least 4 KiB, mapped: octet 0 switches the shim on (not
 * 0), and from octet 8 on each rule counts the faults it made, 64 bits each, in order. The file outlives the program,
 * however that ends, and the next one goes on in the sequence. Thread-safe, lock-free. Limits: RULES_MAX rules. write
 * falls short or fails on regular files only: no other descriptor of the daemon ever does that, and eventfd promises
 * not to. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { RULES_MAX = 16, STATE_OCTETS = 4096, SHORT = -1, NULL_ANSWER = -2, JUMP = -3 };

#define CALLS(X)                                                                                                       \
    X(RECV, "recv")                                                                                                    \
    X(SEND, "send") X(PREAD, "pread") X(PWRITE, "pwrite") X(WRITE, "write") X(ACCEPT, "accept") X(FSYNC, "fsync")      \
        X(MALLOC, "malloc") X(SOCKET, "socket") X(CONNECT, "connect") X(EPOLL_CTL, "epoll_ctl") X(OPENAT, "openat")    \
            X(RENAME, "rename") X(CLOCK, "clock")
#define X(id, name) id,
enum call { CALLS(X) CALL_COUNT };
#undef X

static const struct fault_name {
    const char *name;
    int fault;
} fault_names[] = {
    {"short", SHORT},
    {"null", NULL_ANSWER},
    {"jump", JUMP},
    {"EINTR", EINTR},
    {"ENOSPC", ENOSPC},
    {"EIO", EIO},
    {"EMFILE", EMFILE},
    {"ENFILE", ENFILE},
    {"ENOMEM", ENOMEM},
    {"ENOBUFS", ENOBUFS},
    {"ECONNABORTED", ECONNABORTED},
    {"ECONNRESET", ECONNRESET},
    {"EAGAIN", EAGAIN},
    {"EADDRNOTAVAIL", EADDRNOTAVAIL},
};

static struct rule {
    enum call call;
    int fault;
    uint64_t one_in;
} rules[RULES_MAX];
static size_t rule_count;
static struct state { _Atomic uint64_t is_on, faults[RULES_MAX], calls[RULES_MAX]; } * state;

/* -- the C library's own -- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

#define REAL(X)                                                                                                        \
    X(ssize_t, recv, (int, void *, size_t, int))                                                                       \
    X(ssize_t, send, (int, const void *, size_t, int))                                                                 \
    X(ssize_t, pread, (int, void *, size_t, off_t))                                                                    \
    X(ssize_t, pwrite, (int, const void *, size_t, off_t))                                                             \
    X(ssize_t, write, (int, const void *, size_t))                                                                     \
    X(int, accept4, (int, struct sockaddr *, socklen_t *, int))                                                        \
    X(int, fsync, (int))                                                                                               \
    X(int, socket, (int, int, int))                                                                                    \
    X(int, connect, (int, const struct sockaddr *, socklen_t))                                                         \
    X(int, epoll_ctl, (int, int, int, struct epoll_event *))                                                           \
    X(int, openat, (int, const char *, int, ...))                                                                      \
    X(int, renameat2, (int, const char *, int, const char *, unsigned))                                                \
    X(int, clock_gettime, (clockid_t, struct timespec *))
/* Found when first called for: other libraries make calls before our constructor runs. ISO C knows no way from an
 * object pointer to a function pointer, hence memcpy. */
#define X(type, name, arguments)                                                                                       \
    static type(*real_##name(void)) arguments {                                                                        \
        static _Atomic uintptr_t known;                                                                                \
        uintptr_t found = atomic_load_explicit(&known, memory_order_relaxed);                                          \
        if (found == 0)                                                                                                \
            atomic_store_explicit(&known, found = (uintptr_t)dlsym(RTLD_NEXT, #name), memory_order_relaxed);           \
        type(*function) arguments;                                                                                     \
        memcpy(&function, &found, sizeof function);                                                                    \
        return function;                                                                                               \
    }
REAL(X)
#undef X

/* -- rules -- */

__attribute__((noreturn)) static void give_up(const char *what) {
    fprintf(stderr, "shim: %s\n", what);
    _exit(97);
}

static enum call call_named(const char *name) {
#define X(id, text) text,
    static const char *const names[] = {CALLS(X)};
#undef X
    for (int i = 0; i < CALL_COUNT; i++)
        if (strcmp(names[i], name) == 0) return (enum call)i;
    give_up("no such call");
}

static int fault_named(const char *name) {
    for (size_t i = 0; i < sizeof fault_names / sizeof *fault_names; i++)
        if (strcmp(fault_names[i].name, name) == 0) return fault_names[i].fault;
    give_up("no such fault");
}

static void read_rules(const char *text) {
    while (text != NULL && *text != '\0') {
        char call[16], fault[16];
        unsigned one_in;
        if (rule_count == RULES_MAX || sscanf(text, "%15s %15s %u", call, fault, &one_in) != 3 || one_in == 0)
            give_up("SCEAU_SHIM wants rules CALL FAULT N");
        rules[rule_count].call = call_named(call);
        rules[rule_count].fault = fault_named(fault);
        rules[rule_count++].one_in = one_in;
        text = strchr(text, ',');
        if (text != NULL) text++;
    }
}

/* Where the program crashed, on standard error, for addr2line. */
static void tell_where(int signal_number) {
    void *frames[40];
    int count = backtrace(frames, 40);
    static const char text[] = "shim: crashed at\n";
    (void)!real_write()(2, text, sizeof text - 1);
    backtrace_symbols_fd(frames, count, 2);
    raise(signal_number);
}

static void watch_for_crashes(void) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    struct sigaction action = {.sa_handler = tell_where, .sa_flags = (int)SA_RESETHAND};
    void *frame;
    (void)backtrace(&frame, 1); /* loads what it needs now, with memory */
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
}

__attribute__((constructor)) static void start(void) {
    watch_for_crashes();
    read_rules(getenv("SCEAU_SHIM"));
    const char *path = getenv("SCEAU_SHIM_STATE");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map = fd >= 0 ? mmap(NULL, STATE_OCTETS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (map == MAP_FAILED) give_up("SCEAU_SHIM_STATE names no file of 4 KiB");
    close(fd);
    state = map;
}

/* The fault that this call meets, 0 for none. The sequence looks like chance and is the same in every run. */
static int fault_of(enum call call) {
    if (state == NULL || atomic_load_explicit(&state->is_on, memory_order_relaxed) == 0) return 0;
    for (size_t i = 0; i < rule_count; i++) {
        if (rules[i].call != call) continue;
        uint64_t number = atomic_fetch_add_explicit(&state->calls[i], 1, memory_order_relaxed) + i;
        if ((number * UINT64_C(0x9E3779B97F4A7C15) >> 32) % rules[i].one_in != 0) continue;
        atomic_fetch_add_explicit(&state->faults[i], 1, memory_order_relaxed);
        return rules[i].fault;
    }
    return 0;
}

/* True: the call fails, errno says why. */
static bool fails(enum call call) {
    int fault = fault_of(call);
    if (fault > 0) errno = fault;
    return fault > 0;
}

/* True: the call fails. Else *len may have become shorter, never nothing. */
static bool fails_or_shortens(enum call call, size_t *len) {
    int fault = fault_of(call);
    if (fault > 0) return errno = fault, true;
    if (fault == SHORT) *len -= *len / 2;
    return false;
}

/* -- the calls -- */

ssize_t recv(int fd, void *buffer, size_t len, int flags) {
    return fails_or_shortens(RECV, &len) ? -1 : real_recv()(fd, buffer, len, flags);
}

ssize_t send(int fd, const void *buffer, size_t len, int flags) {
    return fails_or_shortens(SEND, &len) ? -1 : real_send()(fd, buffer, len, flags);
}

ssize_t pread(int fd, void *buffer, size_t len, off_t offset) {
    return fails_or_shortens(PREAD, &len) ? -1 : real_pread()(fd, buffer, len, offset);
}

ssize_t pwrite(int fd, const void *buffer, size_t len, off_t offset) {
    return fails_or_shortens(PWRITE, &len) ? -1 : real_pwrite()(fd, buffer, len, offset);
}

ssize_t write(int fd, const void *buffer, size_t len) {
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && fails_or_shortens(WRITE, &len)) return -1;
    return real_write()(fd, buffer, len);
}

/* What a program calls that was compiled with _FORTIFY_SOURCE: the same functions with the size of the buffer. */
ssize_t __recv_chk(int fd, void *buffer, size_t len, size_t room, int flags);
ssize_t __recv_chk(int fd, void *buffer, size_t len, size_t room, int flags) {
    if (len > room) abort();
    return recv(fd, buffer, len, flags);
}

ssize_t __pread_chk(int fd, void *buffer, size_t len, off_t offset, size_t room);
ssize_t __pread_chk(int fd, void *buffer, size_t len, off_t offset, size_t room) {
    if (len > room) abort();
    return pread(fd, buffer, len, offset);
}

int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags) {
    return fails(ACCEPT) ? -1 : real_accept4()(fd, address, len, flags);
}

int fsync(int fd) { return fails(FSYNC) ? -1 : real_fsync()(fd); }

int socket(int family, int type, int protocol) { return fails(SOCKET) ? -1 : real_socket()(family, type, protocol); }

int connect(int fd, const struct sockaddr *address, socklen_t len) {
    if (!fails(CONNECT)) return real_connect()(fd, address, len);
    if (errno != EINTR) return -1;
    (void)real_connect()(fd, address, len); /* an interrupted one goes on by itself */
    return errno = EINTR, -1;
}

int epoll_ctl(int fd, int operation, int other, struct epoll_event *event) {
    if (operation == EPOLL_CTL_ADD && fails(EPOLL_CTL)) return -1; /* of the three, the one that needs memory */
    return real_epoll_ctl()(fd, operation, other, event);
}

int openat(int fd, const char *path, int flags, ...) {
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
        __builtin_va_list list;
        __builtin_va_start(list, flags);
        mode = __builtin_va_arg(list, mode_t);
        __builtin_va_end(list);
    }
    return fails(OPENAT) ? -1 : real_openat()(fd, path, flags, mode);
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    return fails(RENAME) ? -1 : real_renameat2()(from, old, to, new, flags);
}

/* An hour, a month or some years, ahead or back, of the true time. */
static void jump(struct timespec *time) {
    static const time_t jumps_s[] = {0, 3600, -3600, 2592000, -86400, 315360000, -31536000, 7};
    static _Atomic size_t at;
    if (fault_of(CLOCK) == JUMP) atomic_fetch_add_explicit(&at, 1, memory_order_relaxed);
    time->tv_sec += jumps_s[atomic_load_explicit(&at, memory_order_relaxed) % (sizeof jumps_s / sizeof *jumps_s)];
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = real_clock_gettime()(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME) jump(time);
    return result;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){now.tv_sec, (suseconds_t)(now.tv_nsec / 1000)};
    return 0;
}

static bool has_no_memory(void) {
    if (fault_of(MALLOC) != NULL_ANSWER) return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) { return has_no_memory() ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return has_no_memory() ? NULL : __libc_calloc(count, size); }
void *realloc(void *block, size_t size) { return has_no_memory() ? NULL : __libc_realloc(block, size); }
