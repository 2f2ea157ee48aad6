/* Any text as a rule file and as a file of expectations: either there is a sound set without mistakes, or there are
 * mistakes, each with a place inside the text and a cure. */
#include <stdint.h>
#include <stdlib.h>
#include "base/arena.h"
#include "rules/rule_expect.h"
#include "rules/rule_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static size_t lines_of(struct span text) {
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++) lines += text.ptr[i] == '\n';
    return lines;
}

static void require_places(const struct rule_errors *errors, struct span text) {
    for (size_t i = 0; i < errors->count; i++) {
        const struct rule_error *error = &errors->error[i];
        REQUIRE(error->line >= 1 && error->line <= lines_of(text) && error->column >= 1 &&
                error->column <= text.len + 1);
        REQUIRE(error->message.len > 0 && error->hint.len > 0);
        for (size_t j = 0; j < error->message.len; j++) REQUIRE(error->message.ptr[j] >= ' ');
    }
}

/* A list from a file would make the outcome depend on the machine. */
static bool names_a_file(struct span text) {
    for (size_t i = 0; i + 4 <= text.len; i++)
        if (memcmp(text.ptr + i, "from", 4) == 0 && (i + 4 == text.len || text.ptr[i + 4] != '.')) return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size};
    struct rule_source source = {span_of("fuzz"), text};
    struct rule_options options = {.arm_discard = true};
    struct rule_errors errors = {0};
    struct rule_expect_file file;
    if (!names_a_file(text)) {
        struct rule_set *set;
        enum rule_set_status status = rule_set_compile(&source, 1, &options, &errors, &set);
        REQUIRE((status == RULE_SET_OK) == (set != NULL) && (status == RULE_SET_BAD) == (errors.count > 0));
        require_places(&errors, text);
        for (size_t i = 0; set != NULL && i < rule_set_count(set); i++) REQUIRE(rule_set_name(set, i).len > 0);
        rule_set_destroy(set);
        rule_errors_release(&errors);
    }
    struct arena *arena = arena_create(1 << 24);
    REQUIRE(arena != NULL);
    bool sound = rule_expect_read(&source, arena, &errors, &file);
    REQUIRE(!sound || file.first != NULL);
    require_places(&errors, text);
    rule_errors_release(&errors);
    arena_destroy(arena);
    return 0;
}
