/* Any octets as a configuration file: read or refused in one sentence, and what was read dumps and reads back. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct options *read_octets(const void *octets, size_t size, char **error) {
    char path[64];
    int fd = memfd_create("sceau.conf", MFD_CLOEXEC);
    *error = NULL;
    if (fd < 0 || write(fd, octets, size) != (ssize_t)size) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct options *options = options_read(path, error);
    close(fd);
    return options;
}

static char *dump(const struct options *options, size_t *len) {
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (out == NULL) abort();
    options_dump(options, out);
    fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *error, *again_error;
    struct options *options = read_octets(data, size, &error);
    if ((options == NULL) != (error != NULL)) abort();
    free(error);
    if (options == NULL) return 0;
    size_t len, again_len;
    char *text = dump(options, &len);
    struct options *again = read_octets(text, len, &again_error);
    if (again == NULL) {
        fprintf(stderr, "%s\n%s\n", again_error, text);
        abort();
    }
    char *again_text = dump(again, &again_len);
    if (len != again_len || memcmp(text, again_text, len) != 0) abort();
    free(text);
    free(again_text);
    options_release(options);
    options_release(again);
    return 0;
}
