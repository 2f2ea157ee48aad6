/* bench/bench_load.c -- sends signed messages through a filter and says how long they took; bench/filter runs it.
 *     bench_load [--lmtp] [--tls] [--sessions N] [--per-session N] [--messages N] [--rate N] PORT MESSAGE-FILE...
 * Message files are as in a mailbox with CRLF; they are sent in turn. One JSON object on standard output; exit 1 when a message failed,
 * with the first failure on standard error. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/endpoint.h"
#include "bench/load.h"
#include "proxy/socket_address.h"

enum { FILES_MAX = 16, CONTENT_MAX = 64 << 20, NUMBER_MAX = 100000000 };

static void die(const char *what, const char *why) {
    fprintf(stderr, "bench_load: %s: %s\n", what, why);
    exit(2);
}

static unsigned number(const char *text) {
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value > NUMBER_MAX) die(text, "not a number");
    return (unsigned)value;
}

/* The message as it goes over the wire (RFC 5321 section 4.5.2): dots doubled, the last line behind it. */
static void read_content(struct bytes *out, const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) die(path, strerror(errno));
    bool at_line = true;
    for (int c; (c = getc(file)) != EOF; at_line = c == '\n') {
        if (at_line && c == '.') bytes_append_char(out, '.');
        bytes_append_char(out, (char)c);
    }
    if (!at_line || ferror(file)) die(path, "no message with lines");
    fclose(file);
    bytes_append_text(out, ".\r\n");
    if (out->failed) die(path, "out of memory");
}

static void parse(int argc, char **argv, struct load_plan *plan) {
    static const struct option options[] = {{"lmtp", no_argument, NULL, 'l'},         {"tls", no_argument, NULL, 't'},
                                            {"sessions", required_argument, NULL, 's'}, {"per-session", required_argument, NULL, 'p'},
                                            {"messages", required_argument, NULL, 'm'}, {"rate", required_argument, NULL, 'r'},
                                            {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'l': plan->lmtp = true; break;
        case 't': plan->tls = true; break;
        case 's': plan->sessions = number(optarg); break;
        case 'p': plan->per_session = number(optarg); break;
        case 'm': plan->messages = number(optarg); break;
        case 'r': plan->per_s = number(optarg); break;
        default: exit(2);
        }
    }
    if (plan->sessions == 0 || argc - optind < 2 || argc - optind > FILES_MAX) die("usage", "bench_load [OPTION...] PORT MESSAGE-FILE...");
}

static void print_times(const char *name, const struct histogram *times, const char *end) {
    printf("\"%s_us\":{\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,\"most\":%llu}%s", name,
           (unsigned long long)histogram_quantile_us(times, 0.5), (unsigned long long)histogram_quantile_us(times, 0.9),
           (unsigned long long)histogram_quantile_us(times, 0.99), (unsigned long long)times->most_us, end);
}

int main(int argc, char **argv) {
    struct load_plan plan = {.sessions = 1, .messages = 1};
    struct bytes content[FILES_MAX];
    struct span spans[FILES_MAX];
    struct socket_address to;
    static struct load_result result;
    parse(argc, argv, &plan);
    unsigned port = number(argv[optind++]);
    socket_address_set(&to, (const uint8_t[]){127, 0, 0, 1}, true, (uint16_t)port);
    for (int i = optind; i < argc; i++, plan.content_count++) {
        content[plan.content_count] = bytes_with_cap(CONTENT_MAX);
        read_content(&content[plan.content_count], argv[i]);
        spans[plan.content_count] = bytes_span(&content[plan.content_count]);
    }
    plan.to = &to;
    plan.content = spans;
    if (!load_run(&plan, &result)) die("load", "no memory or descriptors");
    printf("{\"messages\":%llu,\"octets\":%llu,\"failed\":%llu,\"late\":%llu,\"seconds\":%.6f,", (unsigned long long)result.sent,
           (unsigned long long)result.octets, (unsigned long long)result.failed, (unsigned long long)result.late, result.seconds);
    print_times("from_mail", &result.from_mail, ",");
    print_times("from_end", &result.from_end, "}\n");
    if (result.failed > 0) fprintf(stderr, "bench_load: %s\n", result.failure);
    for (size_t i = 0; i < plan.content_count; i++) bytes_release(&content[i]);
    return result.failed > 0 || result.sent != plan.messages ? 1 : 0;
}
