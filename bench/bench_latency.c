/* bench/bench_latency.c -- whether looking at /metrics a thousand times a second makes mail slower.
 *     bench_latency SMTP-PORT HTTP-PORT MESSAGE-FILE [SECONDS]
 * Sends the message (a file in CRLF form, dots doubled, without the last one) to a running sceaud again and again at a fixed
 * pace and takes the time from the end of data to its reply, by turns without and with a thousand scrapes a second on
 * another connection: short turns, so that whatever else the machine does hits both. bench/latency starts it. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGES_PER_S = 200, SCRAPES_PER_S = 1000, TURN_MS = 500, SAMPLES_MAX = 1 << 20, REPLY_MAX = 1 << 20 };

struct run { double *us; size_t count; };

static unsigned short http_port;
static atomic_bool scrapes, ends;
static atomic_ulong scraped;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void sleep_until(int64_t ns) {
    const struct timespec at = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) { }
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int connect_to(unsigned short port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd >= 0) (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* the dot goes out at once */
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
    return fd;
}

static void send_all(int fd, const char *text, size_t len) {
    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0) die("send");
        text += sent;
        len -= (size_t)sent;
    }
}

/* Reads whole lines until one is the last of a reply; it must begin with code. */
static void expect(int fd, const char *code) {
    char text[4096];
    size_t len = 0;
    for (;;) {
        ssize_t got = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (got <= 0) die("recv");
        len += (size_t)got;
        text[len] = '\0';
        const char *last = text;
        for (const char *at = text; (at = strchr(at, '\n')) != NULL && at[1] != '\0';) last = ++at;
        if (text[len - 1] != '\n' || last[3] != ' ') continue;
        if (strncmp(last, code, 3) == 0) return;
        fprintf(stderr, "%s", text);
        exit(1);
    }
}

static double send_message(int fd, const char *message, size_t len) {
    static const char *const commands[][2] = {{"MAIL FROM:<a@a.test>\r\n", "250"}, {"RCPT TO:<b@here.test>\r\n", "250"}, {"DATA\r\n", "354"}};
    for (size_t i = 0; i < 3; i++) {
        send_all(fd, commands[i][0], strlen(commands[i][0]));
        expect(fd, commands[i][1]);
    }
    send_all(fd, message, len);
    int64_t start = now_ns();
    send_all(fd, ".\r\n", 3);
    expect(fd, "250");
    return (double)(now_ns() - start) / 1000;
}

/* One answer with a Content-Length. */
static void scrape(int fd, char *reply) {
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    size_t len = 0, want = 0;
    send_all(fd, request, sizeof request - 1);
    while (want == 0 || len < want) {
        ssize_t got = recv(fd, reply + len, REPLY_MAX - 1 - len, 0);
        if (got <= 0) die("recv");
        len += (size_t)got;
        reply[len] = '\0';
        const char *body = want == 0 ? strstr(reply, "\r\n\r\n") : NULL, *length = strstr(reply, "Content-Length: ");
        if (body != NULL && length != NULL) want = (size_t)(body + 4 - reply) + strtoul(length + 16, NULL, 10);
    }
    if (strncmp(reply, "HTTP/1.1 200 ", 13) != 0) die(reply);
    atomic_fetch_add(&scraped, 1);
}

static void *scrape_at_pace(void *owner) {
    char *reply = malloc(REPLY_MAX);
    int fd = connect_to(http_port);
    int64_t next = now_ns();
    (void)owner;
    if (reply == NULL) die("malloc");
    while (!atomic_load(&ends)) {
        next += 1000000000 / SCRAPES_PER_S;
        if (next < now_ns() - 100000000) next = now_ns(); /* too late by far: no burst */
        sleep_until(next);
        if (atomic_load(&scrapes)) scrape(fd, reply);
        else if (next % 1000000000 < 1000000000 / SCRAPES_PER_S) scrape(fd, reply); /* once a second keeps the connection */
    }
    free(reply);
    close(fd);
    return NULL;
}

static int by_size(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }

static double quantile(struct run *run, double q) { return run->us[(size_t)((double)(run->count - 1) * q)]; }

static void print(const char *name, struct run *run) {
    qsort(run->us, run->count, sizeof *run->us, by_size);
    printf("%-22s %6zu messages   p50 %7.0f us   p90 %7.0f us   p99 %7.0f us\n", name, run->count, quantile(run, 0.5), quantile(run, 0.9),
           quantile(run, 0.99));
}

int main(int argc, char **argv) {
    if (argc < 4) return fprintf(stderr, "usage: bench_latency SMTP-PORT HTTP-PORT MESSAGE-FILE [SECONDS]\n"), 2;
    double seconds = argc > 4 ? strtod(argv[4], NULL) : 20;
    FILE *file = fopen(argv[3], "r");
    static char message[1 << 20];
    size_t len = file != NULL ? fread(message, 1, sizeof message, file) : 0;
    if (len == 0) die(argv[3]);
    fclose(file);
    struct run runs[2] = {{malloc(SAMPLES_MAX * sizeof(double)), 0}, {malloc(SAMPLES_MAX * sizeof(double)), 0}};
    if (runs[0].us == NULL || runs[1].us == NULL) die("malloc");
    http_port = (unsigned short)strtoul(argv[2], NULL, 10);
    pthread_t scraper;
    if (pthread_create(&scraper, NULL, scrape_at_pace, NULL) != 0) die("pthread_create");
    int fd = connect_to((unsigned short)strtoul(argv[1], NULL, 10));
    expect(fd, "220");
    send_all(fd, "EHLO bench.test\r\n", 17);
    expect(fd, "250");
    int64_t start = now_ns(), next = start;
    while ((double)(now_ns() - start) < seconds * 1e9 && runs[0].count < SAMPLES_MAX && runs[1].count < SAMPLES_MAX) {
        unsigned turn = (unsigned)((next - start) / 1000000 / TURN_MS) % 2;
        atomic_store(&scrapes, turn == 1);
        double us = send_message(fd, message, len);
        if ((next - start) / 1000000 % TURN_MS >= 20) runs[turn].us[runs[turn].count++] = us; /* the first of a turn belong to none */
        next += 1000000000 / MESSAGES_PER_S;
        if (next < now_ns()) next = now_ns();
        sleep_until(next);
    }
    atomic_store(&ends, true);
    pthread_join(scraper, NULL);
    print("without scrapes", &runs[0]);
    print("with 1,000 a second", &runs[1]);
    printf("p99 with / without: %.2f; %lu scrapes in %.0f s of turns with them\n", quantile(&runs[1], 0.99) / quantile(&runs[0], 0.99),
           (unsigned long)atomic_load(&scraped), seconds / 2);
    free(runs[0].us);
    free(runs[1].us);
    return 0;
}
