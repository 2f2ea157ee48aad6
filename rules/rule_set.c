#include "rules/rule_set.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/bytes.h"
#include "rules/rule_check.h"
#include "rules/rule_parser.h"

enum {
    SET_ARENA_MAX = 256 << 20,
    TREE_ARENA_MAX = 256 << 20,
};

const char *rule_set_status_text(enum rule_set_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {RULE_SET_STATUSES(X)};
#undef X
    return texts[status];
}

const char *rule_verdict_word(enum rule_verdict verdict) {
#define X(id, word) [id] = word,
    static const char *const words[] = {RULE_VERDICTS(X)};
#undef X
    return words[verdict];
}

void rule_errors_release(struct rule_errors *errors) {
    arena_destroy(errors->arena);
    *errors = (struct rule_errors){0};
}

size_t rule_set_count(const struct rule_set *set) { return set->rule_count; }
struct span rule_set_name(const struct rule_set *set, size_t rule) {
    return set->rules[rule].name;
}
bool rule_set_is_shadow(const struct rule_set *set, size_t rule) { return set->rules[rule].is_shadow; }

static bool is_of_findings(enum rule_fact_id fact) { return rule_facts[fact].scope == RULE_SCOPE_FINDING; }

bool rule_set_asks_findings(const struct rule_set *set) {
    for (size_t i = 0; i < set->comparison_count; i++)
        if (!set->comparisons[i].is_header && is_of_findings(set->comparisons[i].fact)) return true;
    for (size_t i = 0; i < set->part_count; i++)
        if (set->parts[i].kind == PART_FACT && is_of_findings(set->parts[i].fact)) return true;
    for (size_t i = 0; i < set->loop_count; i++)
        if (set->loops[i].scope == RULE_SCOPE_FINDING) return true;
    return false;
}

void rule_set_destroy(struct rule_set *set) {
    if (set == NULL) return;
    for (size_t i = 0; i < set->pattern_count; i++) pattern_destroy(set->patterns[i]);
    for (size_t i = 0; i < set->list_count; i++) value_list_destroy(set->lists[i]);
    literal_set_destroy(set->literals);
    rule_names_release(&set->names);
    free(set->patterns);
    free(set->lists);
    free(set->rules);
    free(set->codes);
    free(set->loops);
    free(set->comparisons);
    free(set->parts);
    free(set->steps);
    free(set->gates);
    arena_destroy(set->arena);
    free(set);
}

/* --- compile ------------------------------------------------------------------------------------------------------ */

static struct rule_set *create(void) {
    struct rule_set *set = calloc(1, sizeof *set);
    if (set != NULL) set->arena = arena_create(SET_ARENA_MAX);
    if (set == NULL || set->arena != NULL) return set;
    free(set);
    return NULL;
}

/* The set keeps the text: names of rules and conditions point into it. False: no memory. */
static bool compile_source(struct rule_check *check, const struct rule_source *source, struct rule_errors *errors) {
    struct rule_page page = {.file = source->file, .errors = errors};
    struct rule_tree tree;
    size_t first_error = errors->count;
    page.text = arena_copy(check->set->arena, source->text);
    if (page.text.ptr == NULL && source->text.len > 0) return false;
    struct arena *arena = arena_create(TREE_ARENA_MAX);
    check->page = &page;
    bool sound = arena != NULL && rule_parser_read(&page, arena, &tree) && rule_check_file(check, &tree);
    arena_destroy(arena);
    rule_mistake_sort(errors, first_error);
    return sound;
}

enum rule_set_status rule_set_compile(const struct rule_source *sources, size_t count,
                                      const struct rule_options *options, struct rule_errors *errors,
                                      struct rule_set **out) {
    struct rule_check check = {.set = create(), .options = options};
    bool sound = check.set != NULL;
    *out = NULL;
    for (size_t i = 0; i < count && sound; i++) sound = compile_source(&check, &sources[i], errors);
    sound = sound && rule_check_finish(&check);
    rule_check_release(&check);
    if (sound && errors->count == 0) {
        *out = check.set;
        return RULE_SET_OK;
    }
    rule_set_destroy(check.set);
    return sound ? RULE_SET_BAD : RULE_SET_NO_MEMORY;
}

/* --- files -------------------------------------------------------------------------------------------------------- */

/* Appends what fd gives, at most one octet more than a rule file may have. False: errno says why. */
static bool read_all(int fd, struct bytes *out) {
    for (;;) {
        if (!bytes_reserve(out, 65536)) return errno = ENOMEM, false;
        ssize_t got = read(fd, out->ptr + out->len, 65536);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0;
        out->len += (size_t)got;
        if (out->len > RULE_SET_TEXT_MAX) return errno = EFBIG, false;
    }
}

static bool read_file(const char *path, struct bytes *out) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool is_sound = fstat(fd, &status) == 0;
    if (is_sound && S_ISDIR(status.st_mode)) is_sound = false, errno = EISDIR;
    is_sound = is_sound && read_all(fd, out);
    int error = errno;
    close(fd);
    errno = error;
    return is_sound;
}

enum rule_set_status rule_set_load(const char *const *paths, size_t count, const struct rule_options *options,
                                   struct rule_errors *errors, struct rule_set **out) {
    struct rule_source *sources = calloc(count + 1, sizeof *sources);
    struct bytes *texts = calloc(count + 1, sizeof *texts);
    enum rule_set_status status = RULE_SET_NO_MEMORY;
    bool readable = true;
    *out = NULL;
    for (size_t i = 0; i < count && sources != NULL && texts != NULL; i++) {
        texts[i] = bytes_with_cap(RULE_SET_TEXT_MAX + (1 << 17));
        sources[i].file = span_of(paths[i]);
        if (!read_file(paths[i], &texts[i])) {
            struct rule_page page = {.file = sources[i].file, .errors = errors};
            rule_mistake_add_file(&page, MISTAKE_FILE, span_of(strerror(errno)));
            readable = false;
        }
        sources[i].text = bytes_span(&texts[i]);
    }
    if (sources != NULL && texts != NULL)
        status = readable ? rule_set_compile(sources, count, options, errors, out) : RULE_SET_BAD;
    for (size_t i = 0; i < count && texts != NULL; i++) bytes_release(&texts[i]);
    free(texts);
    free(sources);
    return status;
}
