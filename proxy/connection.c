#include "proxy/connection.h"
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/loop.h"
#include "proxy/socket_address.h"

enum { LINGER_MS = 3000, KEPT_ROOM = 4096 };

struct connection_set {
    struct loop *loop;
    const struct clock *clock;
    struct list lingering;
    char block[CONNECTION_READ_MAX]; /* what one read brings, until its connection's callback has returned */
};

struct connection {
    struct connection_set *set;
    int fd;
    enum connection_state state; /* of the socket; timed_out stands beside it */
    bool timed_out;
    int error;
    void (*changed)(void *owner);
    void *owner;
    struct loop_watch *watch;
    unsigned wanted;
    struct loop_timer *timer;
    int64_t deadline_us, timer_due_us; /* 0: none */
    struct loop_task notice;           /* changed must be called, but not from inside the call that found out */
    struct span input;                 /* unconsumed: inside the set's block, or inside kept */
    struct bytes kept;
    struct bytes out;
    size_t sent; /* octets of out that the socket has taken */
    bool in_callback, is_dead;
    bool write_ended; /* lingering: our end was sent */
    struct list node; /* set's lingering */
};

/* -- facts and who hears of them -- */

static void release(struct connection *connection) {
    list_remove(&connection->node);
    loop_defer_cancel(&connection->notice);
    loop_timer_destroy(connection->timer);
    loop_watch_destroy(connection->watch);
    if (connection->fd >= 0) close(connection->fd);
    bytes_release(&connection->kept);
    bytes_release(&connection->out);
    free(connection);
}

static void notify_later(struct connection *connection) {
    if (list_is_empty(&connection->notice.node)) loop_defer(connection->set->loop, &connection->notice);
}

static void want(struct connection *connection, unsigned events) {
    if (connection->wanted == events) return;
    connection->wanted = events;
    if (loop_watch_want(connection->watch, events)) return;
    connection->state = CONNECTION_FAILED; /* deaf: nothing would ever be reported again */
    connection->error = ENOMEM;
    notify_later(connection);
}

static void fail(struct connection *connection, int error) {
    if (connection->state == CONNECTION_FAILED) return;
    connection->state = CONNECTION_FAILED;
    connection->error = error;
    bytes_release(&connection->out);
    connection->sent = 0;
    want(connection, 0);
}

void connection_fail(struct connection *connection, int error) {
    fail(connection, error);
    notify_later(connection);
}

/* What the owner left of the shared block becomes the connection's own, before another connection reads into it. */
static void keep_rest(struct connection *connection) {
    if (connection->input.len == 0 || connection->kept.ptr != NULL) return;
    if (!bytes_append(&connection->kept, connection->input)) {
        connection->input = (struct span){NULL, 0};
        connection_fail(connection, ENOMEM);
        return;
    }
    connection->input = bytes_span(&connection->kept);
}

static void watch_reading(struct connection *connection) {
    bool reads = connection->state == CONNECTION_OPEN && connection->input.len <= CONNECTION_KEPT_MAX;
    want(connection, reads ? connection->wanted | LOOP_READ : connection->wanted & ~(unsigned)LOOP_READ);
}

/* Runs the owner's callback; false: the connection is gone. */
static bool report(struct connection *connection) {
    loop_defer_cancel(&connection->notice); /* this call says it all */
    connection->in_callback = true;
    connection->changed(connection->owner);
    connection->in_callback = false;
    if (connection->is_dead) return release(connection), false;
    keep_rest(connection);
    watch_reading(connection);
    return true;
}

static void run_notice(struct loop_task *task) { report(LIST_ENTRY(task, struct connection, notice)); }

/* -- reading -- */

static ssize_t read_into_kept(struct connection *connection) {
    size_t consumed = connection->kept.len - connection->input.len;
    if (consumed > 0) bytes_drop_first(&connection->kept, consumed);
    connection->input = bytes_span(&connection->kept);
    if (!bytes_reserve(&connection->kept, KEPT_ROOM)) return errno = ENOMEM, -1;
    ssize_t count = recv(connection->fd, connection->kept.ptr + connection->kept.len, KEPT_ROOM, 0);
    if (count > 0) connection->kept.len += (size_t)count;
    connection->input = bytes_span(&connection->kept);
    return count;
}

static ssize_t read_into_block(struct connection *connection) {
    ssize_t count = recv(connection->fd, connection->set->block, CONNECTION_READ_MAX, 0);
    if (count > 0) connection->input = (struct span){connection->set->block, (size_t)count};
    return count;
}

static void read_some(struct connection *connection) {
    ssize_t count = connection->kept.ptr != NULL ? read_into_kept(connection) : read_into_block(connection);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0)
        fail(connection, errno);
    else if (count == 0)
        connection->state = CONNECTION_ENDED;
    report(connection);
}

struct span connection_input(const struct connection *connection) {
    return connection->input;
}

void connection_consume(struct connection *connection, size_t count) {
    assert(count <= connection->input.len);
    connection->input = span_after(connection->input, count);
    if (connection->input.len == 0) bytes_release(&connection->kept);
    if (!connection->in_callback) watch_reading(connection);
}

/* -- writing -- */

bool connection_send(struct connection *connection, struct span octets) {
    if (connection->state == CONNECTION_FAILED) return false;
    if (bytes_append(&connection->out, octets)) return true;
    connection_fail(connection, ENOBUFS);
    return false;
}

char *connection_reserve(struct connection *connection, size_t count) {
    if (connection->state == CONNECTION_FAILED) return NULL;
    if (bytes_reserve(&connection->out, count)) return connection->out.ptr + connection->out.len;
    connection_fail(connection, ENOBUFS);
    return NULL;
}

void connection_commit(struct connection *connection, size_t count) {
    assert(count <= connection->out.room - connection->out.len);
    connection->out.len += count;
}

/* Writes until the socket takes no more. False: the connection has failed. */
static bool write_some(struct connection *connection) {
    while (connection->sent < connection->out.len) {
        ssize_t count = send(connection->fd, connection->out.ptr + connection->sent,
                             connection->out.len - connection->sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) break;
        if (count < 0) return fail(connection, errno), false;
        connection->sent += (size_t)count;
    }
    if (connection->sent == connection->out.len) {
        bytes_release(&connection->out);
        connection->sent = 0;
        want(connection, connection->wanted & ~(unsigned)LOOP_WRITE);
    } else {
        bytes_drop_first(&connection->out, connection->sent);
        connection->sent = 0;
        want(connection, connection->wanted | LOOP_WRITE);
    }
    return true;
}

void connection_flush(struct connection *connection) {
    if (connection->state != CONNECTION_OPEN && connection->state != CONNECTION_ENDED) return;
    if (connection->out.len > 0 && !write_some(connection)) notify_later(connection);
}

size_t connection_unsent(const struct connection *connection) { return connection->out.len - connection->sent; }

/* -- connecting, readiness, time -- */

static void finish_connecting(struct connection *connection) {
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) error = errno;
    want(connection, 0);
    if (error != 0)
        fail(connection, error);
    else
        connection->state = CONNECTION_OPEN;
    report(connection);
}

static void on_ready(void *owner, unsigned events) {
    struct connection *connection = owner;
    if (connection->state == CONNECTION_CONNECTING) {
        finish_connecting(connection);
    } else if ((events & LOOP_READ) != 0) {
        read_some(connection);
    } else if (!write_some(connection) || connection->out.len == 0) {
        report(connection);
    }
}

static void on_time(void *owner) {
    struct connection *connection = owner;
    connection->timer_due_us = 0;
    if (connection->deadline_us == 0) return;
    int64_t left_us = connection->deadline_us - clock_monotonic_us(connection->set->clock);
    if (left_us > 0) {
        connection->timer_due_us = connection->deadline_us;
        loop_timer_start(connection->timer, left_us / 1000 + 1);
        return;
    }
    connection->deadline_us = 0;
    connection->timed_out = true;
    report(connection);
}

void connection_expect(struct connection *connection, int64_t timeout_ms) {
    connection->timed_out = false;
    connection->deadline_us = 0;
    if (timeout_ms <= 0) return; /* a timer that still runs finds no deadline */
    connection->deadline_us = clock_monotonic_us(connection->set->clock) + timeout_ms * 1000;
    if (connection->timer_due_us != 0 && connection->timer_due_us <= connection->deadline_us) return;
    connection->timer_due_us = connection->deadline_us;
    loop_timer_start(connection->timer, timeout_ms);
}

enum connection_state connection_state(const struct connection *connection) {
    if (connection->timed_out && connection->state != CONNECTION_FAILED) return CONNECTION_TIMED_OUT;
    return connection->state;
}

int connection_error(const struct connection *connection) { return connection->error; }

/* -- life -- */

static struct connection *create(struct connection_set *set, int fd, enum connection_state state, size_t unsent_max,
                                 void (*changed)(void *owner), void *owner) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) return close(fd), NULL;
    connection->set = set;
    connection->fd = fd;
    connection->state = state;
    connection->changed = changed;
    connection->owner = owner;
    connection->kept = bytes_with_cap(2 * CONNECTION_READ_MAX);
    connection->out = bytes_with_cap(unsent_max);
    connection->notice.run = run_notice;
    list_init(&connection->notice.node);
    list_init(&connection->node);
    connection->watch = loop_watch_create(set->loop, fd, on_ready, connection);
    connection->timer = loop_timer_create(set->loop, on_time, connection);
    connection->wanted = state == CONNECTION_CONNECTING ? LOOP_WRITE : LOOP_READ;
    if (connection->watch == NULL || connection->timer == NULL ||
        !loop_watch_want(connection->watch, connection->wanted))
        return release(connection), NULL;
    return connection;
}

struct connection *connection_create(struct connection_set *set, int fd, size_t unsent_max,
                                     void (*changed)(void *owner), void *owner) {
    return create(set, fd, CONNECTION_OPEN, unsent_max, changed, owner);
}

struct connection *connection_connect(struct connection_set *set, const struct socket_address *to, size_t unsent_max,
                                      void (*changed)(void *owner), void *owner) {
    int family = to->storage.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return NULL;
    /* Whole commands and blocks are written at once: waiting for more to send would only add delay. */
    if (family != AF_UNIX) (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    int error = connect(fd, (const struct sockaddr *)&to->storage, to->len) == 0 ? 0 : errno;
    bool waits = error == EINPROGRESS || error == EINTR;
    struct connection *connection =
        create(set, fd, waits ? CONNECTION_CONNECTING : CONNECTION_OPEN, unsent_max, changed, owner);
    if (connection == NULL) return errno = ENOMEM, NULL;
    if (error != 0 && !waits) fail(connection, error);
    if (!waits) notify_later(connection);
    return connection;
}

void connection_destroy(struct connection *connection) {
    if (connection == NULL) return;
    if (!connection->in_callback) {
        release(connection);
        return;
    }
    connection->is_dead = true; /* report() is on the stack and releases it */
    loop_defer_cancel(&connection->notice);
}

static void linger(void *owner) {
    struct connection *connection = owner;
    enum connection_state state = connection_state(connection);
    connection_consume(connection, connection->input.len);
    if (state == CONNECTION_FAILED || state == CONNECTION_TIMED_OUT) return connection_destroy(connection);
    if (connection_unsent(connection) > 0) return;
    if (state == CONNECTION_ENDED) return connection_destroy(connection);
    if (!connection->write_ended) (void)shutdown(connection->fd, SHUT_WR);
    connection->write_ended = true;
}

void connection_linger(struct connection *connection) {
    if (connection == NULL) return;
    connection_flush(connection);
    connection->changed = linger;
    connection->owner = connection;
    list_append(&connection->set->lingering, &connection->node);
    connection_expect(connection, LINGER_MS);
    if (connection->state == CONNECTION_CONNECTING)
        connection_destroy(connection);
    else
        linger(connection);
}

struct connection_set *connection_set_create(struct loop *loop, const struct clock *clock) {
    struct connection_set *set = malloc(sizeof *set);
    if (set == NULL) return NULL;
    set->loop = loop;
    set->clock = clock;
    list_init(&set->lingering);
    return set;
}

void connection_set_destroy(struct connection_set *set) {
    if (set == NULL) return;
    for (struct list *node; (node = list_take_first(&set->lingering)) != NULL;)
        release(LIST_ENTRY(node, struct connection, node));
    free(set);
}

struct loop *connection_set_loop(const struct connection_set *set) {
    return set->loop;
}
const struct clock *connection_set_clock(const struct connection_set *set) { return set->clock; }
