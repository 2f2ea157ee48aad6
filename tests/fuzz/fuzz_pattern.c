/* First octet: flags. Then a pattern, a NUL, a subject. Whatever they are: a run ends within its steps, and a subject that
 * matches holds one of the pattern's literals. */
#include <stdint.h>
#include <stdlib.h>
#include "rules/literal_set.h"
#include "rules/pattern.h"
#include "rules/pattern_literals.h"
#include "tests/support/exact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_literal(const struct pattern_literals *literals, struct span subject) {
    struct literal_set_builder *builder = literal_set_builder_create();
    struct literal_set *set;
    uint32_t index, state = 0;
    uint64_t seen[1] = {0};
    if (builder == NULL) abort();
    for (size_t i = 0; i < literals->count; i++)
        if (literal_set_builder_add(builder, pattern_literal(literals, i), &index) != LITERAL_SET_OK) abort();
    if (literal_set_build(builder, &set) != LITERAL_SET_OK) abort();
    literal_set_scan(set, &state, subject, seen);
    if (seen[0] == 0) abort();
    literal_set_destroy(set);
    literal_set_builder_destroy(builder);
}

static void run(struct span text, struct span subject, unsigned flags) {
    static struct pattern_scratch *scratch;
    struct pattern_error error;
    struct pattern_literals literals;
    pattern_literals_find(text, flags, &literals);
    struct pattern *pattern = pattern_compile(text, flags, false, &error);
    if (pattern == NULL) {
        if (error.offset > text.len || error.text[0] == '\0') abort();
        return;
    }
    if (scratch == NULL) scratch = pattern_scratch_create();
    if (scratch == NULL) abort();
    if (pattern_run(pattern, subject, scratch, NULL) == PATTERN_MATCH && literals.count > 0)
        expect_literal(&literals, subject);
    if (pattern_scratch_steps(scratch) > 3 * PATTERN_STEPS_MAX) abort();
    pattern_destroy(pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct span rest = {(const char *)data + 1, size - 1};
    size_t len = span_find(rest, '\0');
    struct span text = exact_copy(span_first(rest, len));
    struct span subject = exact_copy(span_after(rest, len < rest.len ? len + 1 : len));
    run(text, subject, data[0] & 31);
    exact_free(text);
    exact_free(subject);
    return 0;
}
