/* bench/bench_sink.c -- a mail server that takes everything and keeps nothing; bench/filter runs it behind each filter.
 *     bench_sink [--lmtp]
 * Listens on a port of 127.0.0.1 and writes its number on a line. For each line on standard input it writes, and forgets, what came since
 * the last: messages, octets of their data as on the wire (without the last line), and how many of them name dkim=pass near their top, so
 * that a filter that lost or did not verify a message is seen. Ends with its standard input. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/span.h"
#include "proxy/connection.h"

/* TOP_MAX: in how many octets of a message the result is looked for; they are left in the connection until they are there. */
enum { BACKLOG = 4096, UNSENT_MAX = 65536, TOP_MAX = 2048, LINE_MAX_OCTETS = 4096 };

struct counts { unsigned long long messages, octets, passes; };

struct sink {
    bool lmtp;
    struct loop *loop;
    struct connection_set *set;
    struct list clients;
    int listener;
    struct counts counts;
};

struct client {
    struct list node;
    struct sink *sink;
    struct connection *connection;
    unsigned recipients;
    bool in_data, has_top; /* has_top: the message's beginning was looked at */
};

static const char end_of_data[] = "\r\n.\r\n";
enum { END_LEN = sizeof end_of_data - 1 };

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void say(struct client *client, const char *text) { (void)connection_send(client->connection, span_of(text)); }

static bool starts(struct span line, const char *verb) { return line.len >= 4 && span_is_nocase(span_first(line, 4), verb); }

static void forget(struct client *client) {
    connection_destroy(client->connection);
    list_remove(&client->node);
    free(client);
}

/* False: the client is gone. */
static bool obey(struct client *client, struct span line) {
    if (starts(line, "EHLO") || starts(line, "LHLO")) {
        say(client, "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 104857600\r\n");
    } else if (starts(line, "DATA")) {
        client->in_data = true;
        client->has_top = false;
        say(client, "354 go ahead\r\n");
    } else if (starts(line, "QUIT")) {
        say(client, "221 2.0.0 Bye\r\n");
        connection_linger(client->connection);
        client->connection = NULL;
        forget(client);
        return false;
    } else {
        if (starts(line, "MAIL") || starts(line, "RSET")) client->recipients = 0;
        if (starts(line, "RCPT")) client->recipients++;
        say(client, "250 2.0.0 Ok\r\n");
    }
    return true;
}

/* Whether there was a whole line; *gone: it was the last. */
static bool take_command(struct client *client, bool *gone) {
    struct span input = connection_input(client->connection);
    size_t len = span_find(input, '\n');
    if (len == input.len) {
        if (len > LINE_MAX_OCTETS) connection_fail(client->connection, EPROTO);
        return false;
    }
    char line[LINE_MAX_OCTETS];
    struct span copy = {line, len < sizeof line ? len : sizeof line};
    memcpy(line, input.ptr, copy.len);
    connection_consume(client->connection, len + 1);
    *gone = !obey(client, copy);
    return !*gone;
}

static void look_at_top(struct client *client, struct span top) {
    static const char pass[] = "dkim=pass";
    size_t len = top.len < TOP_MAX ? top.len : TOP_MAX;
    if (memmem(top.ptr, len, pass, sizeof pass - 1) != NULL) client->sink->counts.passes++;
    client->has_top = true;
}

/* Whether a message came to its end. */
static bool take_data(struct client *client) {
    struct sink *sink = client->sink;
    struct span input = connection_input(client->connection);
    const char *end = memmem(input.ptr, input.len, end_of_data, END_LEN);
    if (!client->has_top) {
        if (end == NULL && input.len < TOP_MAX) return false;
        look_at_top(client, input);
    }
    if (end == NULL) { /* the last octets may be the beginning of the end */
        size_t len = input.len < END_LEN ? 0 : input.len - (END_LEN - 1);
        sink->counts.octets += len;
        connection_consume(client->connection, len);
        return false;
    }
    size_t len = (size_t)(end - input.ptr) + 2;
    sink->counts.octets += len;
    sink->counts.messages++;
    connection_consume(client->connection, len + 3);
    client->in_data = false;
    for (unsigned i = 0; i < (sink->lmtp ? client->recipients : 1); i++) say(client, "250 2.0.0 Ok\r\n");
    client->recipients = 0;
    return true;
}

static void changed(void *owner) {
    struct client *client = owner;
    bool gone = false;
    while (client->in_data ? take_data(client) : take_command(client, &gone)) { }
    if (gone) return;
    connection_flush(client->connection);
    if (connection_state(client->connection) != CONNECTION_OPEN) forget(client);
}

static void accept_clients(void *owner, unsigned events) {
    struct sink *sink = owner;
    (void)events;
    for (int fd; (fd = accept4(sink->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct client *client = calloc(1, sizeof *client);
        if (client == NULL) die("memory");
        client->sink = sink;
        list_append(&sink->clients, &client->node);
        client->connection = connection_create(sink->set, fd, UNSENT_MAX, changed, client);
        if (client->connection == NULL) die("connection");
        say(client, "220 sink.test\r\n");
        connection_flush(client->connection);
    }
}

static void on_question(void *owner, unsigned events) {
    struct sink *sink = owner;
    char text[64];
    (void)events;
    ssize_t len = read(STDIN_FILENO, text, sizeof text);
    if (len <= 0) {
        loop_stop(sink->loop);
        return;
    }
    printf("{\"messages\":%llu,\"octets\":%llu,\"passes\":%llu}\n", sink->counts.messages, sink->counts.octets, sink->counts.passes);
    fflush(stdout);
    sink->counts = (struct counts){0};
}

static int open_listener(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        die("listen");
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    struct sink sink = {.lmtp = argc == 2 && strcmp(argv[1], "--lmtp") == 0};
    if (argc > 2 || (argc == 2 && !sink.lmtp)) return fprintf(stderr, "usage: bench_sink [--lmtp]\n"), 2;
    list_init(&sink.clients);
    sink.loop = loop_create();
    sink.set = sink.loop != NULL ? connection_set_create(sink.loop, &clock_system) : NULL;
    if (sink.set == NULL) die("loop");
    sink.listener = open_listener();
    struct loop_watch *listening = loop_watch_create(sink.loop, sink.listener, accept_clients, &sink);
    struct loop_watch *asking = loop_watch_create(sink.loop, STDIN_FILENO, on_question, &sink);
    if (listening == NULL || asking == NULL || !loop_watch_want(listening, LOOP_READ) || !loop_watch_want(asking, LOOP_READ)) die("watch");
    bool ok = loop_run(sink.loop);
    while (!list_is_empty(&sink.clients)) forget(LIST_ENTRY(sink.clients.next, struct client, node));
    loop_watch_destroy(listening);
    loop_watch_destroy(asking);
    close(sink.listener);
    connection_set_destroy(sink.set);
    loop_destroy(sink.loop);
    return ok ? 0 : 1;
}
