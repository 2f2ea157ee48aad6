/* rules/rule_run.h -- one message in the hands of one rule set: what rule_evaluate, rule_compare and rule_text share.
 * Private to rules/. One thread; lives for one evaluation. */
#pragma once
#include "rules/rule_program.h"

struct rule_run {
    const struct rule_set *set;
    struct rule_view view;
    struct rule_fields fields;
    struct pattern_scratch *patterns;
    const uint64_t *seen; /* literals that occur in the header section */
    bool has_loop;        /* inside any or all { } */
    enum rule_scope loop_scope;
    size_t loop_index;
    uint32_t pattern_failures;
    bool no_memory; /* beside view.no_memory */
};

/* rule_compare.c: what a comparison says. RULE_UNKNOWN: a pattern was not evaluated, or there was no memory. */
enum rule_truth rule_compare(struct rule_run *run, const struct rule_comparison *comparison);
/* Appends the values of its subject as people read them, with commas between. False: there are none. */
bool rule_compare_write_subject(struct rule_run *run, const struct rule_comparison *comparison, struct bytes *out);

/* rule_text.c: appends text with its facts put in, as printable ASCII on one line; what does not fit out's cap is cut.
 */
void rule_text_write(struct rule_run *run, const struct rule_text *text, struct span rule_name, struct bytes *out);
