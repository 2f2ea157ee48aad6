#include "rules/pattern.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include "base/ascii.h"

enum {
    STEP_OCTETS = 16,           /* octets moved over that count as one step: both take about as long */
    NESTING_STEP = 4,           /* parentheses that end at once and count as one */
    COPIES_STEP = 128,          /* octets of compiled copies of a group, whose ends count as one */
    JIT_STACK_FIRST = 32 << 10, /* octets */
};

struct pattern {
    pcre2_code *code;
    size_t item_octets;       /* what one item costs at least: STEP_OCTETS, and more where it may look far and fail */
    bool has_back_references; /* an item may look at as many octets as the subject has, and then fail */
};

struct pattern_scratch {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *jit_stack;
    size_t octets;      /* of the run under way, or the last one: steps times STEP_OCTETS */
    size_t item_octets; /* what its items cost */
    size_t position;    /* of the item before */
};

unsigned pattern_flag(char letter) {
    switch (letter) {
    case 'i': return PATTERN_NOCASE;
    case 'm': return PATTERN_LINES;
    case 's': return PATTERN_DOT_ALL;
    case 'x': return PATTERN_EXTENDED;
    case 'u': return PATTERN_CHARACTERS;
    default: return 0;
    }
}

const char *pattern_result_text(enum pattern_result result) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {PATTERN_RESULTS(X)};
#undef X
    return texts[result];
}

const char *pattern_reason_text(enum pattern_reason reason) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {PATTERN_REASONS(X)};
#undef X
    return texts[reason];
}

/* -- compiling -- */

static void complain(struct pattern_error *error, size_t offset, const char *text) {
    error->offset = offset;
    (void)snprintf(error->text, sizeof error->text, "%s", text);
}

/* Octets of the class that begins at text (a '['), with its brackets; up to the end when it is not closed. */
static size_t class_len(struct span text) {
    size_t i = text.len > 1 && text.ptr[1] == '^' ? 2 : 1;
    if (i < text.len && text.ptr[i] == ']') i++; /* the first one is a member */
    while (i < text.len && text.ptr[i] != ']') {
        const char *end = NULL;
        if (text.ptr[i] == '[' && i + 1 < text.len && text.ptr[i + 1] == ':')
            end = memmem(text.ptr + i + 2, text.len - i - 2, ":]", 2);
        if (end != NULL)
            i = (size_t)(end - text.ptr) + 2;
        else
            i += text.ptr[i] == '\\' && i + 1 < text.len ? 2 : 1;
    }
    return i < text.len ? i + 1 : text.len;
}

static size_t find_beyond_ascii(struct span text) {
    size_t i = 0;
    while (i < text.len && (unsigned char)text.ptr[i] < 0x80) i++;
    return i;
}

/* Without PATTERN_CHARACTERS one character above 127 is several octets: a class would hold each of them, and case would
 * not be theirs. Escapes like \xe9 are octets that were meant. False: *error says so. */
static bool means_what_it_says(struct span text, unsigned flags, struct pattern_error *error) {
    size_t at = find_beyond_ascii(text);
    if ((flags & PATTERN_CHARACTERS) != 0 || at == text.len) return true;
    if ((flags & PATTERN_NOCASE) != 0)
        return complain(error, at, "a character beyond ASCII without regard to case needs the flag u: /.../iu"), false;
    for (size_t i = 0; i < text.len;) {
        size_t len = text.ptr[i] == '[' ? class_len(span_after(text, i)) : text.ptr[i] == '\\' ? 2 : 1;
        struct span item = {text.ptr + i, len < text.len - i ? len : text.len - i};
        if (text.ptr[i] == '[' && (at = find_beyond_ascii(item)) < item.len)
            return complain(error, i + at, "a character beyond ASCII in a class needs the flag u: /.../u"), false;
        i += item.len;
    }
    return true;
}

/* The largest least number of repeats: so many octets may one item look at before it fails. Too much is as good. */
static size_t largest_repeat(struct span text) {
    size_t largest = 0;
    for (size_t i = 0; i < text.len; i++) {
        size_t number = 0;
        if (text.ptr[i] != '{') continue;
        while (i + 1 < text.len && ascii_is_digit(text.ptr[i + 1]) && number <= PATTERN_SUBJECT_MAX)
            number = number * 10 + (size_t)(text.ptr[++i] - '0');
        if (number > largest) largest = number;
    }
    return largest;
}

/* How deep parentheses stand in each other, counted roughly. */
static size_t nesting_of(struct span text) {
    size_t depth = 0, most = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '(' && ++depth > most) most = depth;
        if (text.ptr[i] == ')' && depth > 0) depth--;
    }
    return most;
}

/* Ends of groups are no items, but take time: those that stand in each other, and the copies that are made of a group
 * for {n,m}. */
static size_t item_octets_of(const pcre2_code *code, struct span text) {
    size_t size = 0, steps = 1 + nesting_of(text) / NESTING_STEP;
    bool has_copies = memmem(text.ptr, text.len, "){", 2) != NULL;
    if (has_copies && pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size) == 0) steps += size / COPIES_STEP;
    return steps * STEP_OCTETS + largest_repeat(text);
}

static uint32_t options_of(unsigned flags) {
    static const uint32_t all = PCRE2_AUTO_CALLOUT | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
    return all | ((flags & PATTERN_NOCASE) != 0 ? PCRE2_CASELESS : 0u) |
           ((flags & PATTERN_LINES) != 0 ? PCRE2_MULTILINE : 0u) |
           ((flags & PATTERN_DOT_ALL) != 0 ? PCRE2_DOTALL : 0u) |
           ((flags & PATTERN_EXTENDED) != 0 ? PCRE2_EXTENDED : 0u) |
           ((flags & PATTERN_CHARACTERS) != 0 ? PCRE2_UTF | PCRE2_MATCH_INVALID_UTF
                                              : PCRE2_NEVER_UTF | PCRE2_NEVER_UCP);
}

static pcre2_code *compile(struct span text, unsigned flags, struct pattern_error *error) {
    int code = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code *compiled = NULL;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL) return complain(error, 0, "out of memory"), NULL;
    if (pcre2_set_parens_nest_limit(context, PATTERN_NESTING_MAX) == 0 &&
        pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF) == 0 && pcre2_set_bsr(context, PCRE2_BSR_ANYCRLF) == 0)
        compiled = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options_of(flags), &code, &offset, context);
    pcre2_compile_context_free(context);
    if (compiled != NULL) return compiled;
    complain(error, offset <= text.len ? offset : text.len, "no regular expression");
    (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)error->text, sizeof error->text); /* cut when too long */
    return NULL;
}

static bool has_back_references(const pcre2_code *code) {
    uint32_t most = 0;
    return pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &most) != 0 || most > 0;
}

struct pattern *pattern_compile(struct span text, unsigned flags, bool use_jit, struct pattern_error *error) {
    *error = (struct pattern_error){.offset = 0};
    if (text.len == 0) text = span_of("");
    if (text.len > PATTERN_TEXT_MAX)
        return complain(error, PATTERN_TEXT_MAX, "a pattern has at most 4096 octets"), NULL;
    if (!means_what_it_says(text, flags, error)) return NULL;
    struct pattern *pattern = calloc(1, sizeof *pattern);
    if (pattern == NULL) return complain(error, 0, "out of memory"), NULL;
    pattern->code = compile(text, flags, error);
    if (pattern->code == NULL) return pattern_destroy(pattern), NULL;
    pattern->item_octets = item_octets_of(pattern->code, text);
    pattern->has_back_references = has_back_references(pattern->code);
    /* Without success the interpreter serves, as it does without JIT. */
    if (use_jit) (void)pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE);
    return pattern;
}

void pattern_destroy(struct pattern *pattern) {
    if (pattern == NULL) return;
    pcre2_code_free(pattern->code);
    free(pattern);
}

/* -- running -- */

/* Called before each item that is tried. */
static int count_step(pcre2_callout_block *block, void *owner) {
    struct pattern_scratch *scratch = owner;
    size_t now = block->current_position, before = scratch->position;
    scratch->position = now;
    scratch->octets += scratch->item_octets + (now > before ? now - before : before - now);
    return scratch->octets > (size_t)PATTERN_STEPS_MAX * STEP_OCTETS ? PCRE2_ERROR_MATCHLIMIT : 0;
}

struct pattern_scratch *pattern_scratch_create(void) {
    struct pattern_scratch *scratch = calloc(1, sizeof *scratch);
    if (scratch == NULL) return NULL;
    scratch->data = pcre2_match_data_create(1, NULL);
    scratch->context = pcre2_match_context_create(NULL);
    scratch->jit_stack = pcre2_jit_stack_create(JIT_STACK_FIRST, PATTERN_HEAP_KIB << 10, NULL);
    /* A machine without JIT has no stack for it either, and needs none. */
    if (scratch->data == NULL || scratch->context == NULL ||
        pcre2_set_match_limit(scratch->context, PATTERN_MATCH_LIMIT) != 0 ||
        pcre2_set_depth_limit(scratch->context, PATTERN_DEPTH_LIMIT) != 0 ||
        pcre2_set_heap_limit(scratch->context, PATTERN_HEAP_KIB) != 0 ||
        pcre2_set_callout(scratch->context, count_step, scratch) != 0)
        return pattern_scratch_destroy(scratch), NULL;
    if (scratch->jit_stack != NULL) pcre2_jit_stack_assign(scratch->context, NULL, scratch->jit_stack);
    return scratch;
}

void pattern_scratch_destroy(struct pattern_scratch *scratch) {
    if (scratch == NULL) return;
    pcre2_match_data_free(scratch->data);
    pcre2_match_context_free(scratch->context);
    pcre2_jit_stack_free(scratch->jit_stack);
    free(scratch);
}

size_t pattern_scratch_steps(const struct pattern_scratch *scratch) { return scratch->octets / STEP_OCTETS; }

static enum pattern_reason reason_of(int code) {
    switch (code) {
    case PCRE2_ERROR_MATCHLIMIT: return PATTERN_STEPS;
    case PCRE2_ERROR_HEAPLIMIT: return PATTERN_HEAP;
    case PCRE2_ERROR_DEPTHLIMIT: return PATTERN_DEPTH;
    case PCRE2_ERROR_JIT_STACKLIMIT: return PATTERN_JIT_STACK;
    case PCRE2_ERROR_NOMEMORY: return PATTERN_NO_MEMORY;
    default: return PATTERN_FAILED;
    }
}

enum pattern_result pattern_run(const struct pattern *pattern, struct span subject, struct pattern_scratch *scratch,
                                enum pattern_reason *reason) {
    enum pattern_reason ignored;
    if (reason == NULL) reason = &ignored;
    *reason = PATTERN_DECIDED;
    scratch->octets = scratch->position = 0;
    scratch->item_octets = pattern->item_octets + (pattern->has_back_references ? subject.len : 0);
    if (subject.len > PATTERN_SUBJECT_MAX) return *reason = PATTERN_SUBJECT_TOO_LONG, PATTERN_UNDECIDED;
    if (subject.len == 0) subject.ptr = "";
    int code = pcre2_match(pattern->code, (PCRE2_SPTR)subject.ptr, subject.len, 0, 0, scratch->data, scratch->context);
    if (code >= 0) return PATTERN_MATCH; /* 0: more groups than are kept */
    if (code == PCRE2_ERROR_NOMATCH) return PATTERN_MISMATCH;
    *reason = reason_of(code);
    return PATTERN_UNDECIDED;
}
