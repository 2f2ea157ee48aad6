#include "rules/rule_mistake.h"
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/nearest_word.h"

enum {
    ERRORS_ARENA_MAX = 1 << 20,
    SENTENCE_MAX = 4096,
    SOURCE_MAX = 300, /* octets of a line that are shown */
    WORD_SHOWN_MAX = 80,
};

static const struct {
    const char *message, *cure;
} texts[] = {
#define MISTAKE(id, message, cure) {message, cure},
#include "rules/rule_mistakes.def"
#undef MISTAKE
};

static void append_word(struct bytes *out, struct span word) {
    size_t len = word.len < WORD_SHOWN_MAX ? word.len : WORD_SHOWN_MAX;
    for (size_t i = 0; i < len; i++)
        bytes_append_char(out, word.ptr[i] >= ' ' && word.ptr[i] <= '~' ? word.ptr[i] : '?');
    if (len < word.len) bytes_append_text(out, "...");
}

static void append_filled(struct bytes *out, const char *text, struct span a, struct span b) {
    for (size_t i = 0; text[i] != '\0'; i++) {
        bool is_place = text[i] == '{' && (text[i + 1] == 'a' || text[i + 1] == 'b') && text[i + 2] == '}';
        if (!is_place) {
            bytes_append_char(out, text[i]);
            continue;
        }
        append_word(out, text[i + 1] == 'a' ? a : b);
        i += 2;
    }
}

static void locate(struct rule_page *page, size_t offset, struct rule_error *error) {
    struct span text = page->text;
    size_t start = 0, line = 1;
    if (offset > text.len) offset = text.len;
    for (size_t i = 0; i < offset; i++)
        if (text.ptr[i] == '\n') line++, start = i + 1;
    struct span rest = span_after(text, start);
    size_t len = span_find(rest, '\n');
    if (len > 0 && rest.ptr[len - 1] == '\r') len--;
    error->line = (unsigned)line;
    error->column = (unsigned)(offset - start + 1);
    error->source = span_first(rest, len < SOURCE_MAX ? len : SOURCE_MAX);
}

static struct span keep(struct rule_page *page, struct span text) {
    struct span copy = arena_copy(page->errors->arena, text);
    if (copy.ptr == NULL && text.len > 0) page->no_memory = true;
    return copy;
}

static struct rule_error *new_error(struct rule_page *page) {
    struct rule_errors *errors = page->errors;
    if (errors->count == RULE_SET_ERRORS_MAX) return NULL;
    if (errors->arena == NULL) errors->arena = arena_create(ERRORS_ARENA_MAX);
    if (errors->arena == NULL) {
        page->no_memory = true;
        return NULL;
    }
    struct rule_error *error = &errors->error[errors->count++];
    *error = (struct rule_error){.file = keep(page, page->file)};
    return error;
}

/* ending: what stands behind the cure. */
static void add(struct rule_page *page, enum rule_mistake kind, struct rule_error place, struct span a, struct span b,
                struct span ending) {
    struct bytes sentence = bytes_with_cap(SENTENCE_MAX);
    struct rule_error *error = new_error(page);
    if (error == NULL) return;
    error->line = place.line;
    error->column = place.column;
    error->source = keep(page, place.source);
    append_filled(&sentence, texts[kind].message, a, b);
    error->message = keep(page, bytes_span(&sentence));
    page->no_memory |= sentence.failed;
    bytes_clear(&sentence);
    append_filled(&sentence, texts[kind].cure, a, b);
    bytes_append(&sentence, ending);
    error->hint = keep(page, bytes_span(&sentence));
    page->no_memory |= sentence.failed;
    bytes_release(&sentence);
}

void rule_mistake_add(struct rule_page *page, enum rule_mistake kind, size_t offset, struct span a, struct span b) {
    struct rule_error place;
    locate(page, offset, &place);
    add(page, kind, place, a, b, (struct span){0});
}

void rule_mistake_add_near(struct rule_page *page, enum rule_mistake kind, size_t offset, struct span a,
                           const char *const *words, size_t count) {
    char word[64] = "", ending[128];
    struct bytes text = bytes_with_cap(sizeof ending);
    struct rule_error place;
    if (a.len > 0 && a.len < sizeof word) memcpy(word, a.ptr, a.len);
    const char *nearest = word[0] != '\0' ? nearest_word(word, words, count) : NULL;
    if (nearest != NULL) bytes_append_format(&text, "; did you mean %s?", nearest);
    locate(page, offset, &place);
    add(page, kind, place, a, (struct span){0}, bytes_span(&text));
    bytes_release(&text);
}

void rule_mistake_add_words(struct rule_page *page, enum rule_mistake kind, size_t offset, struct span a, struct span b,
                            const char *const *words, size_t count) {
    struct bytes text = bytes_with_cap(SENTENCE_MAX);
    struct rule_error place;
    char word[64] = "";
    for (size_t i = 0; i < count; i++) bytes_append_char(&text, ' '), bytes_append_text(&text, words[i]);
    if (b.len > 0 && b.len < sizeof word) memcpy(word, b.ptr, b.len);
    const char *nearest = word[0] != '\0' ? nearest_word(word, words, count) : NULL;
    if (nearest != NULL) bytes_append_format(&text, "; did you mean %s?", nearest);
    locate(page, offset, &place);
    add(page, kind, place, a, b, bytes_span(&text));
    bytes_release(&text);
}

void rule_mistake_add_file(struct rule_page *page, enum rule_mistake kind, struct span a) {
    add(page, kind, (struct rule_error){0}, a, (struct span){0}, (struct span){0});
}

static int compare_places(const void *a, const void *b) {
    const struct rule_error *left = a, *right = b;
    if (left->line != right->line) return left->line < right->line ? -1 : 1;
    return (left->column > right->column) - (left->column < right->column);
}

void rule_mistake_sort(struct rule_errors *errors, size_t first) {
    if (errors->count > first)
        qsort(errors->error + first, errors->count - first, sizeof *errors->error, compare_places);
}
