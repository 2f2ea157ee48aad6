#include "bench/input.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void require(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

void read_file(const char *path, struct bytes *out) {
    char part[4096];
    FILE *file = fopen(path, "rb");
    require(file != NULL, path);
    for (size_t len; (len = fread(part, 1, sizeof part, file)) > 0;) bytes_append(out, (struct span){part, len});
    require(ferror(file) == 0 && !out->failed, path);
    fclose(file);
}
