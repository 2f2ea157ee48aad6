#include "base/whole_file.h"
#include <stdio.h>

enum { PIECE = 16384 };

bool whole_file_read(const char *path, size_t cap, struct bytes *out) {
    char piece[PIECE];
    FILE *file = fopen(path, "re");
    *out = bytes_with_cap(cap);
    if (file == NULL) return false;
    for (size_t len; (len = fread(piece, 1, sizeof piece, file)) > 0 && !out->failed;)
        bytes_append(out, (struct span){piece, len});
    bool whole = ferror(file) == 0 && !out->failed;
    fclose(file);
    if (whole) return true;
    bytes_release(out);
    *out = bytes_with_cap(cap);
    return false;
}
