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
#include "proxy/tls.h"

enum {
    LINGER_MS = 3000,
    KEPT_ROOM = 4096,
    CIPHER_READ_MAX = CONNECTION_READ_MAX - TLS_HELD_MAX, /* so that what it was encrypted from fits into the block */
    WIRE_FULL = 65536,                                    /* octets encrypted ahead of the socket */
    WIRE_MAX = 4 * WIRE_FULL, /* what a peer may make us say unasked (alerts, key updates) is bounded, too */
};

struct connection_set {
    struct loop *loop;
    const struct clock *clock;
    struct list lingering;
    char block[CONNECTION_READ_MAX]; /* what one read brings, until its connection's callback has returned */
    char cipher[CIPHER_READ_MAX];    /* the same as it came off the wire, where that is TLS */
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
    size_t sent;     /* octets of out that the socket, or the wire, has taken */
    struct tls *tls; /* NULL: out is the wire */
    struct bytes wire;
    size_t wire_sent; /* octets of wire that the socket has taken */
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
    tls_destroy(connection->tls);
    bytes_release(&connection->wire);
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
    bytes_release(&connection->wire);
    connection->sent = connection->wire_sent = 0;
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

/* Room for count octets behind those that are kept. */
static bool make_room(struct connection *connection, size_t count) {
    size_t consumed = connection->kept.len - connection->input.len;
    if (consumed > 0) bytes_drop_first(&connection->kept, consumed);
    connection->input = bytes_span(&connection->kept);
    return bytes_reserve(&connection->kept, count);
}

static ssize_t read_into_kept(struct connection *connection) {
    if (!make_room(connection, KEPT_ROOM)) return errno = ENOMEM, -1;
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

static void read_clear(struct connection *connection) {
    ssize_t count = connection->kept.ptr != NULL ? read_into_kept(connection) : read_into_block(connection);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0)
        fail(connection, errno);
    else if (count == 0)
        connection->state = CONNECTION_ENDED;
    report(connection);
}

/* What octets off the wire were encrypted from becomes input. False: no memory. */
static bool decrypt(struct connection *connection, struct span octets) {
    bool keeps = connection->kept.ptr != NULL;
    size_t len;
    if (keeps && !make_room(connection, octets.len + TLS_HELD_MAX)) return false;
    char *plain = keeps ? connection->kept.ptr + connection->kept.len : connection->set->block;
    (void)tls_receive(connection->tls, octets, plain, &len);
    if (keeps) {
        connection->kept.len += len;
        connection->input = bytes_span(&connection->kept);
    } else if (len > 0) {
        connection->input = (struct span){plain, len};
    }
    return true;
}

static bool write_some(struct connection *connection);

/* Parts of records are no news to the owner. */
static void read_secure(struct connection *connection) {
    size_t room = connection->kept.ptr != NULL ? KEPT_ROOM : CIPHER_READ_MAX, before = connection->input.len;
    enum tls_state state = tls_state(connection->tls);
    ssize_t count = recv(connection->fd, connection->set->cipher, room, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0)
        fail(connection, count < 0 ? errno : ECONNRESET); /* without close_notify anybody may have cut it off */
    else if (!decrypt(connection, (struct span){connection->set->cipher, (size_t)count}))
        fail(connection, ENOMEM);
    else
        (void)write_some(connection); /* the handshake's next part, an answer, an alert */
    if (connection->state == CONNECTION_OPEN && tls_state(connection->tls) == TLS_ENDED)
        connection->state = CONNECTION_ENDED;
    bool is_news = connection->input.len > before || state != tls_state(connection->tls);
    if (is_news || connection->state != CONNECTION_OPEN) report(connection);
}

static void read_some(struct connection *connection) {
    if (connection->tls != NULL)
        read_secure(connection);
    else
        read_clear(connection);
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

/* Hands octets to the socket until it takes no more; *sent counts those of from that are gone. */
static bool send_octets(struct connection *connection, struct span from, size_t *sent) {
    while (*sent < from.len) {
        ssize_t count = send(connection->fd, from.ptr + *sent, from.len - *sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) break;
        if (count < 0) return false;
        *sent += (size_t)count;
    }
    return true;
}

/* Frees a buffer of which all was sent, else moves the rest to its front. */
static void drop_sent(struct bytes *octets, size_t *sent) {
    if (*sent == octets->len)
        bytes_release(octets);
    else
        bytes_drop_first(octets, *sent);
    *sent = 0;
}

/* Encrypts what is unsent, as far as the wire has room. */
static void encrypt(struct connection *connection) {
    enum tls_state state = tls_state(connection->tls);
    while ((state == TLS_READY || state == TLS_ENDED) && connection->sent < connection->out.len &&
           connection->wire.len - connection->wire_sent < WIRE_FULL) {
        size_t len = connection->out.len - connection->sent;
        if (len > TLS_RECORD_MAX) len = TLS_RECORD_MAX;
        state = tls_send(connection->tls, (struct span){connection->out.ptr + connection->sent, len});
        connection->sent += len;
    }
    drop_sent(&connection->out, &connection->sent);
}

/* False with errno. What went wrong in TLS is told after the alert was tried, which tells the peer. */
static bool send_secure(struct connection *connection) {
    do {
        encrypt(connection);
        if (!send_octets(connection, bytes_span(&connection->wire), &connection->wire_sent)) return false;
        drop_sent(&connection->wire, &connection->wire_sent);
    } while (connection->wire.len == 0 && connection->out.len > 0 && connection_is_secure(connection));
    bool failed = tls_state(connection->tls) == TLS_FAILED || connection->wire.failed;
    if (failed) errno = EPROTO;
    return !failed;
}

static bool send_clear(struct connection *connection) {
    if (!send_octets(connection, bytes_span(&connection->out), &connection->sent)) return false;
    drop_sent(&connection->out, &connection->sent);
    return true;
}

/* Writes until the socket takes no more. False: the connection has failed. */
static bool write_some(struct connection *connection) {
    bool is_well = connection->tls != NULL ? send_secure(connection) : send_clear(connection);
    if (!is_well) return fail(connection, errno), false;
    bool waits = (connection->tls != NULL ? connection->wire.len : connection->out.len) > 0;
    want(connection, waits ? connection->wanted | LOOP_WRITE : connection->wanted & ~(unsigned)LOOP_WRITE);
    return true;
}

void connection_flush(struct connection *connection) {
    if (connection->state != CONNECTION_OPEN && connection->state != CONNECTION_ENDED) return;
    if (connection_unsent(connection) > 0 && !write_some(connection)) notify_later(connection);
}

size_t connection_unsent(const struct connection *connection) {
    return connection->out.len - connection->sent + connection->wire.len - connection->wire_sent;
}

/* -- TLS -- */

void connection_start_tls(struct connection *connection, struct tls *tls) {
    assert(connection->tls == NULL && connection->input.len == 0);
    connection->tls = tls;
    connection->wire = connection->out; /* goes before, in clear */
    connection->wire_sent = connection->sent;
    connection->wire.cap += WIRE_MAX;
    connection->out = bytes_with_cap(connection->out.cap);
    connection->sent = 0;
    (void)tls_begin(tls, &connection->wire);
    if (connection->state == CONNECTION_OPEN && !write_some(connection)) notify_later(connection);
}

bool connection_is_secure(const struct connection *connection) {
    if (connection->tls == NULL) return false;
    enum tls_state state = tls_state(connection->tls);
    return state == TLS_READY || state == TLS_ENDED;
}

const char *connection_tls_version(const struct connection *connection) {
    return connection_is_secure(connection) ? tls_version(connection->tls) : NULL;
}

const char *connection_tls_failure(const struct connection *connection) {
    return connection->tls != NULL ? tls_failure(connection->tls) : NULL;
}

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
    } else if (!write_some(connection) || connection_unsent(connection) == 0) {
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
    if (connection == NULL) return NULL;
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

static void say_end(struct connection *connection) {
    if (connection->tls == NULL) return;
    tls_end(connection->tls);
    connection_flush(connection);
}

static void linger(void *owner) {
    struct connection *connection = owner;
    enum connection_state state = connection_state(connection);
    connection_consume(connection, connection->input.len);
    if (state == CONNECTION_FAILED || state == CONNECTION_TIMED_OUT) return connection_destroy(connection);
    if (connection_unsent(connection) == 0) say_end(connection);
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
