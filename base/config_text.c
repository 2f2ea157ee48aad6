#include "base/config_text.h"
#include "base/ascii.h"

enum { DEPTH_MAX = 2 }; /* a list inside a section */

/* Where the scan stands; every function below moves it past what it is named for. */
struct scan {
    struct span rest;
    unsigned line, depth;
    unsigned open_line[DEPTH_MAX]; /* of the braces that are open */
};

const char *config_text_status_text(enum config_text_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {CONFIG_TEXT_STATUSES(X)};
#undef X
    return texts[status];
}

static bool starts_with(struct span s, const char *text) {
    return s.len >= strlen(text) && span_is(span_first(s, strlen(text)), text);
}

static void skip(struct scan *scan, size_t count) {
    for (size_t i = 0; i < count; i++) scan->line += scan->rest.ptr[i] == '\n';
    scan->rest = span_after(scan->rest, count);
}

/* How many octets one character of a string takes; 0: an escape that is none of ours. In double quotes libconfuse has a
 * whole zoo of them (a NUL among it), and replaces ${NAME} up to its closing brace. */
static size_t string_step(struct span rest, char quote) {
    if (quote == '"' && starts_with(rest, "${")) {
        size_t end = span_find(rest, '}');
        return end < rest.len ? end + 1 : 1;
    }
    if (rest.ptr[0] != '\\') return 1;
    return quote == '\'' || (rest.len > 1 && strchr("\\\"'$\n", rest.ptr[1]) != NULL) ? 2 : 0;
}

static enum config_text_status string(struct scan *scan) {
    char quote = scan->rest.ptr[0];
    size_t at = 1;
    while (at < scan->rest.len && scan->rest.ptr[at] != quote) {
        size_t step = string_step(span_after(scan->rest, at), quote);
        if (step == 0) {
            skip(scan, at);
            return CONFIG_TEXT_BAD_ESCAPE;
        }
        at += step;
    }
    if (at >= scan->rest.len) return CONFIG_TEXT_OPEN_STRING;
    skip(scan, at + 1);
    return CONFIG_TEXT_OK;
}

static enum config_text_status comment(struct scan *scan) {
    for (size_t at = 2; at + 1 < scan->rest.len; at++)
        if (scan->rest.ptr[at] == '*' && scan->rest.ptr[at + 1] == '/') {
            skip(scan, at + 2);
            return CONFIG_TEXT_OK;
        }
    return CONFIG_TEXT_OPEN_COMMENT;
}

static enum config_text_status brace(struct scan *scan) {
    if (scan->rest.ptr[0] == '{') {
        if (scan->depth == DEPTH_MAX) return CONFIG_TEXT_TOO_DEEP;
        scan->open_line[scan->depth++] = scan->line;
    } else {
        if (scan->depth == 0) return CONFIG_TEXT_STRAY_BRACE;
        scan->depth--;
    }
    skip(scan, 1);
    return CONFIG_TEXT_OK;
}

/* A word libconfuse reads as one: "${NAME}" stands for an environment variable, and its braces are no braces. */
static enum config_text_status word(struct scan *scan) {
    size_t end = starts_with(scan->rest, "${") ? span_find(scan->rest, '}') : 0;
    skip(scan, end < scan->rest.len ? end + 1 : 1);
    return CONFIG_TEXT_OK;
}

static enum config_text_status next(struct scan *scan) {
    switch (scan->rest.ptr[0]) {
    case '"':
    case '\'': return string(scan);
    case '{':
    case '}': return brace(scan);
    case '*': return CONFIG_TEXT_STRAY_STAR;
    default: break;
    }
    if (starts_with(scan->rest, "/*")) return comment(scan);
    if (scan->rest.ptr[0] == '#' || starts_with(scan->rest, "//")) {
        skip(scan, span_find(scan->rest, '\n'));
        return CONFIG_TEXT_OK;
    }
    return word(scan);
}

static enum config_text_status find_control(struct span text, unsigned *line) {
    *line = 1;
    for (size_t i = 0; i < text.len; i++) {
        if (ascii_is_control(text.ptr[i]) && !ascii_is_space(text.ptr[i])) return CONFIG_TEXT_CONTROL;
        *line += text.ptr[i] == '\n';
    }
    return CONFIG_TEXT_OK;
}

enum config_text_status config_text_check(struct span text, unsigned *line) {
    struct scan scan = {.rest = text, .line = 1};
    enum config_text_status status = find_control(text, line);
    if (status != CONFIG_TEXT_OK) return status;
    while (status == CONFIG_TEXT_OK && scan.rest.len > 0) status = next(&scan);
    *line = scan.line;
    if (status != CONFIG_TEXT_OK || scan.depth == 0) return status;
    *line = scan.open_line[scan.depth - 1];
    return CONFIG_TEXT_OPEN_BRACE;
}
