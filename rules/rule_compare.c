#include "base/ascii.h"
#include "rules/rule_run.h"
#include "verifier/domain_name.h"

static enum rule_truth truth_of(bool value) { return value ? RULE_TRUE : RULE_FALSE; }

/* --- one value ---------------------------------------------------------------------------------------------------- */

static bool compare_numbers(enum rule_operator comparator, int64_t left, int64_t right) {
    switch (comparator) {
    case OPERATOR_EQUAL: return left == right;
    case OPERATOR_DIFFER: return left != right;
    case OPERATOR_LESS: return left < right;
    case OPERATOR_AT_MOST: return left <= right;
    case OPERATOR_GREATER: return left > right;
    default: return left >= right;
    }
}

static bool same(struct span a, struct span b, bool is_nocase) {
    return is_nocase ? span_equal_nocase(a, b) : span_equal(a, b);
}

static bool holds(struct span text, struct span part, bool is_nocase) {
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (same((struct span){text.ptr + i, part.len}, part, is_nocase)) return true;
    return false;
}

/* Does left stand to right as operator says? */
static bool compare_texts(enum rule_operator comparator, struct span left, struct span right, bool is_nocase) {
    if (right.len == 0 && comparator >= OPERATOR_CONTAINS && comparator <= OPERATOR_ENDS) return true;
    bool fits = right.len <= left.len;
    switch (comparator) {
    case OPERATOR_DIFFER: return !same(left, right, is_nocase);
    case OPERATOR_WITHIN: return domain_name_is_within(left, right);
    case OPERATOR_CONTAINS: return fits && holds(left, right, is_nocase);
    case OPERATOR_STARTS: return fits && same(span_first(left, right.len), right, is_nocase);
    case OPERATOR_ENDS: return fits && same(span_after(left, left.len - right.len), right, is_nocase);
    default: return same(left, right, is_nocase);
    }
}

static bool is_one_of(const struct rule_comparison *comparison, struct span value) {
    for (size_t i = 0; i < comparison->count; i++)
        if (compare_texts(comparison->comparator, value, comparison->texts[i], comparison->is_nocase)) return true;
    return false;
}

static bool is_in_networks(const struct rule_comparison *comparison, const struct rule_value *value) {
    bool found = false;
    for (size_t i = 0; i < comparison->count && !found; i++)
        found = network_contains(&comparison->networks[i], value->address, value->is_v4);
    return found != (comparison->comparator == OPERATOR_DIFFER);
}

static bool is_in_list(const struct rule_comparison *comparison, const struct rule_value *value) {
    if (comparison->comparator == OPERATOR_WITHIN) return value_list_has_domain_or_above(comparison->list, value->text);
    if (comparison->type == RULE_DOMAIN) return value_list_has_domain(comparison->list, value->text);
    if (comparison->type == RULE_ADDRESS) return value_list_has_address(comparison->list, value->address, value->is_v4);
    return value_list_has(comparison->list, value->text);
}

static enum rule_truth matches(struct rule_run *run, const struct rule_comparison *comparison, struct span value) {
    switch (pattern_run(comparison->pattern, value, run->patterns, NULL)) {
    case PATTERN_MATCH: return RULE_TRUE;
    case PATTERN_MISMATCH: return RULE_FALSE;
    default: run->pattern_failures++; return RULE_UNKNOWN;
    }
}

static bool compare_addresses(enum rule_operator comparator, const struct rule_value *left,
                              const struct rule_value *right) {
    bool equal = left->is_v4 == right->is_v4 && memcmp(left->address, right->address, left->is_v4 ? 4 : 16) == 0;
    return equal == (comparator == OPERATOR_EQUAL);
}

static enum rule_truth compare_with_other(struct rule_run *run, const struct rule_comparison *comparison,
                                          const struct rule_value *value) {
    struct rule_value other = {.type = RULE_TEXT};
    if (comparison->value == VALUE_HEADER) {
        unsigned at = rule_fields_first(&run->fields, comparison->other_name);
        if (at == 0) return RULE_FALSE;
        if (!rule_fields_value(&run->fields, at, comparison->other_is_decoded, &other.text))
            return run->no_memory = true, RULE_UNKNOWN;
    } else {
        size_t index = rule_facts[comparison->other].scope == RULE_SCOPE_MESSAGE ? 0 : run->loop_index;
        if (!rule_view_read(&run->view, comparison->other, index, &other)) return RULE_FALSE;
    }
    if (comparison->type == RULE_ADDRESS) return truth_of(compare_addresses(comparison->comparator, value, &other));
    if (comparison->type == RULE_INTEGER || comparison->type == RULE_BOOL || comparison->type == RULE_WORD)
        return truth_of(compare_numbers(comparison->comparator, value->number, other.number));
    return truth_of(compare_texts(comparison->comparator, value->text, other.text, comparison->is_nocase));
}

static enum rule_truth compare_one(struct rule_run *run, const struct rule_comparison *comparison,
                                   const struct rule_value *value) {
    bool has_word;
    switch (comparison->value) {
    case VALUE_NOTHING: return truth_of(comparison->comparator == OPERATOR_EXISTS || value->number != 0);
    case VALUE_NUMBER: return truth_of(compare_numbers(comparison->comparator, value->number, comparison->number));
    case VALUE_WORDS:
        has_word = (comparison->words >> value->number & 1) != 0;
        return truth_of(has_word != (comparison->comparator == OPERATOR_DIFFER));
    case VALUE_TEXTS: return truth_of(is_one_of(comparison, value->text));
    case VALUE_NETWORKS: return truth_of(is_in_networks(comparison, value));
    case VALUE_LIST: return truth_of(is_in_list(comparison, value));
    case VALUE_PATTERN: return matches(run, comparison, value->text);
    default: return compare_with_other(run, comparison, value);
    }
}

/* --- several values ----------------------------------------------------------------------------------------------- */

/* Goes through the values of a comparison's subject. */
struct walk {
    struct rule_run *run;
    const struct rule_comparison *comparison;
    unsigned field;    /* of the header section: the next one */
    size_t index, end; /* of a fact */
};

static struct walk walk_begin(struct rule_run *run, const struct rule_comparison *comparison) {
    struct walk walk = {.run = run, .comparison = comparison};
    if (comparison->is_header) {
        walk.field = rule_fields_first(&run->fields, comparison->name);
        return walk;
    }
    enum rule_scope scope = rule_facts[comparison->fact].scope;
    bool is_in_hand = run->has_loop && scope == run->loop_scope;
    walk.index = is_in_hand ? run->loop_index : 0;
    walk.end = is_in_hand ? run->loop_index + 1 : rule_view_count(&run->view, scope);
    return walk;
}

/* The next value; *is_there false: it is absent. False: there is no further one. */
static bool walk_next(struct walk *walk, struct rule_value *value, bool *is_there) {
    struct rule_run *run = walk->run;
    if (!walk->comparison->is_header) {
        if (walk->index >= walk->end) return false;
        *is_there = rule_view_read(&run->view, walk->comparison->fact, walk->index++, value);
        return true;
    }
    if (walk->field == 0) return false;
    *value = (struct rule_value){.type = RULE_TEXT};
    *is_there = rule_fields_value(&run->fields, walk->field, walk->comparison->is_decoded, &value->text);
    run->no_memory |= !*is_there;
    walk->field = rule_fields_next(&run->fields, walk->field);
    return true;
}

static enum rule_truth count_values(struct rule_run *run, const struct rule_comparison *comparison) {
    struct walk walk = walk_begin(run, comparison);
    struct rule_value value;
    int64_t count = 0;
    for (bool is_there; walk_next(&walk, &value, &is_there);) count += is_there;
    return truth_of(compare_numbers(comparison->how, count, comparison->number));
}

/* None of the literals that every value must hold occurs in the header section. */
static bool cannot_hold(const struct rule_run *run, const struct rule_comparison *comparison) {
    for (uint32_t i = 0; i < comparison->gate_count; i++)
        if (literal_set_has(run->seen, run->set->gates[comparison->gate + i])) return false;
    return comparison->gate_count > 0;
}

enum rule_truth rule_compare(struct rule_run *run, const struct rule_comparison *comparison) {
    struct rule_value value;
    size_t count = 0;
    enum rule_truth truth = comparison->is_all ? RULE_TRUE : RULE_FALSE,
                    decides = comparison->is_all ? RULE_FALSE : RULE_TRUE;
    if (cannot_hold(run, comparison)) return RULE_FALSE;
    if (comparison->comparator == OPERATOR_COUNT) {
        truth = count_values(run, comparison);
        return run->no_memory || run->view.no_memory ? RULE_UNKNOWN : truth;
    }
    struct walk walk = walk_begin(run, comparison);
    for (bool is_there; walk_next(&walk, &value, &is_there); count++) {
        enum rule_truth one = is_there ? compare_one(run, comparison, &value) : RULE_FALSE;
        if (run->no_memory || run->view.no_memory) return RULE_UNKNOWN;
        if (one == decides) return decides;
        if (one == RULE_UNKNOWN) truth = RULE_UNKNOWN;
    }
    return count == 0 ? RULE_FALSE : truth; /* of nothing, nothing holds: all, too */
}

bool rule_compare_write_subject(struct rule_run *run, const struct rule_comparison *comparison, struct bytes *out) {
    enum rule_word_list words = comparison->is_header ? RULE_WORDS_NONE : rule_facts[comparison->fact].words;
    struct walk walk = walk_begin(run, comparison);
    struct rule_value value;
    size_t count = 0;
    for (bool is_there; walk_next(&walk, &value, &is_there);) {
        if (!is_there) continue;
        if (count++ > 0) bytes_append_text(out, ", ");
        rule_value_write(out, &value, words);
    }
    return count > 0;
}
