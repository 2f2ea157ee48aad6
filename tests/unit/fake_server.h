/* A mail server for tests, on a unix socket and the test's own loop: answers each command by a table, keeps what it hears. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/loop.h"
#include "proxy/connection.h"
#include "proxy/socket_address.h"

/* What is answered to a line that begins with `line` ("": the greeting; ".": the end of data). NULL: hang up. "": silence. */
struct fake_rule { const char *line, *reply; };

struct fake_server {
    struct loop *loop;
    struct connection_set *set;
    struct socket_address address[SOCKET_ADDRESS_MAX]; /* the first is used */
    int fd;
    struct loop_watch *watch;
    struct connection *peer;  /* the newest connection; one at a time is served */
    unsigned connections;
    const struct fake_rule *rules; /* ends with line NULL */
    struct bytes heard;       /* command lines, and content as it came, all with CRLF */
    bool in_data;
    bool is_deaf;             /* leaves content unread */
    char path[64];
};

static inline void fake_server_say(struct fake_server *server, const char *text) {
    if (text == NULL) {
        connection_destroy(server->peer);
        server->peer = NULL;
        return;
    }
    connection_send(server->peer, span_of(text));
    connection_flush(server->peer);
    if (strncmp(text, "354", 3) == 0) server->in_data = true;
}

static inline void fake_server_answer(struct fake_server *server, const char *line) {
    for (const struct fake_rule *rule = server->rules; rule->line != NULL; rule++) {
        bool fits = rule->line[0] == '\0' ? line[0] == '\0' : strncmp(line, rule->line, strlen(rule->line)) == 0;
        if (!fits) continue;
        fake_server_say(server, rule->reply);
        return;
    }
    fake_server_say(server, "250 2.0.0 Ok\r\n");
}

static inline void fake_server_changed(void *owner) {
    struct fake_server *server = owner;
    while (server->peer != NULL && !(server->in_data && server->is_deaf)) {
        struct span input = connection_input(server->peer);
        const char *end = input.len > 0 ? memmem(input.ptr, input.len, "\r\n", 2) : NULL;
        if (end == NULL) break;
        char line[2048];
        size_t len = (size_t)(end - input.ptr) + 2;
        (void)snprintf(line, sizeof line, "%.*s", (int)(len - 2), input.ptr);
        bytes_append(&server->heard, span_first(input, len));
        connection_consume(server->peer, len);
        if (!server->in_data) fake_server_answer(server, line);
        else if (strcmp(line, ".") == 0) server->in_data = false, fake_server_answer(server, line);
    }
    if (server->peer != NULL && connection_state(server->peer) != CONNECTION_OPEN) fake_server_say(server, NULL);
}

static inline void fake_server_accept(void *owner, unsigned events) {
    struct fake_server *server = owner;
    (void)events;
    int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    connection_destroy(server->peer);
    server->in_data = false;
    server->connections++;
    server->peer = connection_create(server->set, fd, 1 << 20, fake_server_changed, server);
    fake_server_answer(server, "");
}

static inline void fake_server_start(struct fake_server *server, struct loop *loop, const struct fake_rule *rules) {
    struct endpoint endpoint = {.is_unix = true};
    size_t count;
    memset(server, 0, sizeof *server);
    server->loop = loop;
    server->set = connection_set_create(loop, &clock_system);
    server->rules = rules;
    server->heard = bytes_with_cap(1 << 24);
    (void)snprintf(server->path, sizeof server->path, "/tmp/sceau-test-%d-%p", (int)getpid(), (void *)server);
    (void)snprintf(endpoint.path, sizeof endpoint.path, "%s", server->path);
    (void)socket_address_resolve(&endpoint, true, server->address, &count);
    server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)unlink(server->path);
    if (bind(server->fd, (const struct sockaddr *)&server->address[0].storage, server->address[0].len) != 0 ||
        listen(server->fd, 16) != 0)
        abort();
    server->watch = loop_watch_create(loop, server->fd, fake_server_accept, server);
    (void)loop_watch_want(server->watch, LOOP_READ);
}

static inline void fake_server_stop(struct fake_server *server) {
    loop_watch_destroy(server->watch);
    close(server->fd);
    (void)unlink(server->path);
    connection_destroy(server->peer);
    connection_set_destroy(server->set);
    bytes_release(&server->heard);
}
