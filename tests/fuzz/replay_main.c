/* replay_main.c -- runs a fuzz target over every file of the folders and files named on the command line.
 * The plain twin of libFuzzer's own main, so that ctest replays each corpus with any compiler and sanitizer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return perror(path), 1;
    struct stat info;
    int failed = fstat(fileno(file), &info) != 0;
    size_t size = failed ? 0 : (size_t)info.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1); /* exactly sized: a sanitizer sees the first octet too many */
    if (data == NULL || fread(data, 1, size, file) != size) failed = 1;
    fclose(file);
    if (!failed) LLVMFuzzerTestOneInput(data, size);
    free(data);
    return failed;
}

int main(int argc, char **argv) {
    size_t files = 0;
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        if (folder == NULL) {
            failed |= replay_file(argv[i]);
            files++;
            continue;
        }
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            if (entry->d_name[0] == '.') continue;
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            failed |= replay_file(path);
            files++;
        }
        closedir(folder);
    }
    printf("%zu inputs replayed\n", files);
    return failed || files == 0; /* an empty corpus proves nothing */
}
