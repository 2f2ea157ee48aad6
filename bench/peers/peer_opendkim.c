/* peer_opendkim.c -- verifies a message over and over with libopendkim: CPU microseconds a message, on standard output.
 * Built where libopendkim-dev is installed. The key comes from a file, which the library reads again for each message
 * (some 10 us); libopendkim keeps no parsed keys. Arguments: ZONE-FILE MESSAGE SECONDS. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include <opendkim/dkim.h>
#include "base/bytes.h"
#include "bench/input.h"

/* From "name. 3600 IN TXT "..." "..."" to "name record", a line each, as the library's key file has it. */
static void write_key_file(const char *zone_path, const char *path) {
    struct bytes zone = bytes_with_cap(1 << 20);
    FILE *file = fopen(path, "w");
    read_file(zone_path, &zone);
    require(file != NULL, path);
    struct span rest = bytes_span(&zone);
    while (rest.len > 0) {
        struct span line = span_first(rest, span_find(rest, '\n'));
        size_t name_len = span_find(line, ' ');
        bool quoted = false;
        require(name_len > 1 && name_len < line.len, "zone file");
        fprintf(file, "%.*s ", (int)name_len - 1, line.ptr);
        for (size_t i = 0; i < line.len; i++) {
            if (line.ptr[i] == '"') quoted = !quoted;
            else if (quoted) fputc(line.ptr[i], file);
        }
        fputc('\n', file);
        rest = span_after(rest, line.len < rest.len ? line.len + 1 : rest.len);
    }
    require(fclose(file) == 0, path);
    bytes_release(&zone);
}

static void verify(DKIM_LIB *library, struct span message) {
    DKIM_STAT status;
    DKIM *dkim = dkim_verify(library, (const unsigned char *)"bench", NULL, &status);
    require(dkim != NULL, "dkim_verify");
    require(dkim_chunk(dkim, (unsigned char *)(uintptr_t)message.ptr, message.len) == DKIM_STAT_OK &&
                dkim_chunk(dkim, NULL, 0) == DKIM_STAT_OK,
            "dkim_chunk");
    bool test_key;
    status = dkim_eom(dkim, &test_key);
    require(status == DKIM_STAT_OK, dkim_getresultstr(status));
    dkim_free(dkim);
}

static double cpu_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    char path[] = "/tmp/sceau-peer-keys.XXXXXX";
    dkim_query_t method = DKIM_QUERY_FILE;
    require(argc == 4, "usage: peer_opendkim ZONE-FILE MESSAGE SECONDS");
    struct bytes message = bytes_with_cap(1 << 26);
    read_file(argv[2], &message);
    int fd = mkstemp(path);
    require(fd >= 0, path);
    close(fd);
    write_key_file(argv[1], path);
    DKIM_LIB *library = dkim_init(NULL, NULL);
    require(library != NULL && dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_QUERYMETHOD, &method, sizeof method) == DKIM_STAT_OK &&
                dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_QUERYINFO, path, sizeof path) == DKIM_STAT_OK,
            "dkim_options");
    verify(library, bytes_span(&message));
    double start_s = cpu_s(), end_s = start_s, wanted_s = strtod(argv[3], NULL);
    unsigned long count = 0;
    for (; end_s - start_s < wanted_s; end_s = cpu_s(), count++) verify(library, bytes_span(&message));
    printf("%.2f\n", (end_s - start_s) * 1e6 / (double)count);
    dkim_close(library);
    unlink(path);
    bytes_release(&message);
    return 0;
}
