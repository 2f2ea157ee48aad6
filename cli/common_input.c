#include "cli/common_input.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/common_options.h"

static bool append_path(struct cli_inputs *inputs, char *path) {
    char **paths = path != NULL ? realloc(inputs->path, (inputs->count + 1) * sizeof *paths) : NULL;
    if (paths == NULL) {
        free(path);
        cli_complain("out of memory");
        return false;
    }
    inputs->path = paths;
    inputs->path[inputs->count++] = path;
    return true;
}

static char *join(const char *folder, const char *name) {
    size_t len = strlen(folder);
    bool slash = len > 0 && folder[len - 1] == '/';
    char *path = malloc(len + 1 + strlen(name) + 1);
    if (path == NULL) return NULL;
    memcpy(path, folder, len);
    if (!slash) path[len++] = '/';
    memcpy(path + len, name, strlen(name) + 1);
    return path;
}

/* Files of one folder go to files, its folders to folders, to be looked at in turn. Links are not followed. */
static bool list_folder(const char *path, struct cli_inputs *folders, struct cli_inputs *files) {
    DIR *folder = opendir(path);
    if (folder == NULL) {
        cli_complain("cannot read folder %s: %s", path, strerror(errno));
        return false;
    }
    bool listed = true;
    for (struct dirent *entry; listed && (entry = readdir(folder)) != NULL;) {
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue; /* gone meanwhile */
        if (S_ISDIR(info.st_mode))
            listed = append_path(folders, join(path, entry->d_name));
        else if (S_ISREG(info.st_mode))
            listed = append_path(files, join(path, entry->d_name));
    }
    closedir(folder);
    return listed;
}

static int compare_paths(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool add_folder(struct cli_inputs *inputs, const char *path, bool *usable) {
    struct cli_inputs folders = {0};
    size_t before = inputs->count;
    bool listed = append_path(&folders, strdup(path));
    for (size_t i = 0; listed && i < folders.count; i++) listed = list_folder(folders.path[i], &folders, inputs);
    cli_inputs_release(&folders);
    *usable = listed;
    if (!listed) return false;
    if (inputs->count == before) {
        cli_complain("no message in folder %s", path);
        return false;
    }
    qsort(inputs->path + before, inputs->count - before, sizeof *inputs->path, compare_paths);
    return true;
}

bool cli_inputs_add(struct cli_inputs *inputs, const char *operand, bool *usable) {
    struct stat info;
    *usable = false;
    if (strcmp(operand, "-") != 0) {
        if (stat(operand, &info) != 0) {
            cli_complain("cannot read %s: %s", operand, strerror(errno));
            return false;
        }
        if (S_ISDIR(info.st_mode)) return add_folder(inputs, operand, usable);
    }
    return append_path(inputs, strdup(operand));
}

void cli_inputs_release(struct cli_inputs *inputs) {
    for (size_t i = 0; i < inputs->count; i++) free(inputs->path[i]);
    free(inputs->path);
    *inputs = (struct cli_inputs){0};
}

static bool read_all(int fd, struct bytes *out) {
    enum { PIECE = 65536 };
    for (;;) {
        if (!bytes_reserve(out, PIECE)) {
            errno = EFBIG;
            return false;
        }
        ssize_t count = read(fd, out->ptr + out->len, PIECE);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return count == 0;
        out->len += (size_t)count;
    }
}

static bool has_crlf(struct span text) {
    for (size_t i = span_find(text, '\n'); i < text.len; i += 1 + span_find(span_after(text, i + 1), '\n'))
        if (i > 0 && text.ptr[i - 1] == '\r') return true;
    return false;
}

/* LF becomes CRLF, from the back so that it can be done in place. */
static bool lengthen_line_ends(struct bytes *text) {
    size_t lines = 0;
    for (size_t i = 0; i < text->len; i++) lines += text->ptr[i] == '\n';
    if (!bytes_reserve(text, lines)) return false;
    size_t from = text->len, to = text->len + lines;
    text->len = to;
    while (from < to) {
        char c = text->ptr[--from];
        text->ptr[--to] = c;
        if (c == '\n') text->ptr[--to] = '\r';
    }
    return true;
}

static void skip_mbox_line(struct bytes *text, struct cli_input_notes *notes) {
    if (text->len < 5 || memcmp(text->ptr, "From ", 5) != 0) return;
    size_t line = span_find(bytes_span(text), '\n');
    notes->mbox_line = true;
    bytes_drop_first(text, line < text->len ? line + 1 : text->len);
}

bool cli_file_read(const char *path, struct bytes *out, const char **problem) {
    bool from_standard_input = strcmp(path, "-") == 0;
    int fd = from_standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool was_read = fd >= 0 && read_all(fd, out);
    if (!was_read) *problem = strerror(errno);
    if (fd >= 0 && !from_standard_input) close(fd);
    return was_read;
}

enum cli_input_status cli_input_read(const char *path, struct bytes *out, struct cli_input_notes *notes) {
    *notes = (struct cli_input_notes){0};
    if (!cli_file_read(path, out, &notes->problem)) return CLI_INPUT_UNREADABLE;
    if (out->len == 0) return CLI_INPUT_EMPTY;
    if (!has_crlf(bytes_span(out)) && !lengthen_line_ends(out)) {
        notes->problem = strerror(EFBIG);
        return CLI_INPUT_UNREADABLE;
    }
    skip_mbox_line(out, notes);
    return out->len > 0 ? CLI_INPUT_OK : CLI_INPUT_EMPTY;
}
