#include "verifier/record_pair.h"

static struct span first_label(struct span name) { return span_first(name, span_find(name, '.')); }

static bool leads_to(const struct record_selector *from, const struct record_selector *to) {
    return from->answer.cname_count > 0 && span_equal_nocase(first_label(from->answer.cname[0]), first_label(to->name));
}

/* Each alias starts with the other selector's name. */
static bool is_swapped(const struct record_selector *first, const struct record_selector *second) {
    return leads_to(first, second) && leads_to(second, first) &&
           !span_equal_nocase(first_label(first->name), first_label(second->name));
}

static unsigned code_of(enum record_state a, enum record_state b) {
    if (a == RECORD_STATE_TO_FIX || b == RECORD_STATE_TO_FIX) return 503;
    if ((a == RECORD_STATE_SET && b == RECORD_STATE_TO_SET) || (a == RECORD_STATE_TO_SET && b == RECORD_STATE_SET))
        return 501;
    return a == RECORD_STATE_TO_SET || b == RECORD_STATE_TO_SET ? 504 : 0;
}

static enum record_state graver(enum record_state a, enum record_state b) {
    static const enum record_state weight[] = {RECORD_STATE_UNKNOWN,  RECORD_STATE_TO_FIX,  RECORD_STATE_TO_SET,
                                               RECORD_STATE_UNUSABLE, RECORD_STATE_REVOKED, RECORD_STATE_SET};
    for (size_t i = 0; i < sizeof weight / sizeof *weight; i++)
        if (a == weight[i] || b == weight[i]) return weight[i];
    return a;
}

static bool is_same_key(const struct record_selector *first, const struct record_selector *second) {
    return first->record != NULL && second->record != NULL && first->record->fingerprint[0] != '\0' &&
           memcmp(first->record->fingerprint, second->record->fingerprint, sizeof first->record->fingerprint) == 0;
}

void record_pair_judge(const struct record_selector *first, const struct record_selector *second,
                       struct record_pair *out) {
    *out = (struct record_pair){.state = graver(first->state, second->state),
                                .code = code_of(first->state, second->state)};
    if (out->code == 501) {
        const struct record_selector *absent = first->state == RECORD_STATE_SET ? second : first;
        finding_add_text(finding_add(&out->findings, FINDING_ONE_OF_TWO), "selector", absent->selector);
    }
    if (is_swapped(first, second)) {
        finding_add(&out->findings, FINDING_SWAPPED);
        out->state = RECORD_STATE_TO_FIX;
        out->code = 503;
    }
    if (is_same_key(first, second)) finding_add(&out->findings, FINDING_SAME_KEY);
    if (out->state == RECORD_STATE_SET && out->findings.count == 0) finding_add(&out->findings, FINDING_PAIR_SET);
}

struct span record_pair_partner(struct span selector, struct arena *arena) {
    static const char word[] = "selector";
    if (selector.len < sizeof word) return (struct span){NULL, 0};
    char digit = selector.ptr[selector.len - 1];
    struct span start = span_first(selector, selector.len - 1);
    if (start.ptr[start.len - 1] == '-') start.len--;
    if ((digit != '1' && digit != '2') || !span_ends_nocase(start, span_of(word))) return (struct span){NULL, 0};
    char *partner = arena_alloc(arena, selector.len);
    if (partner == NULL) return (struct span){NULL, 0};
    memcpy(partner, selector.ptr, selector.len);
    partner[selector.len - 1] = digit == '1' ? '2' : '1';
    return (struct span){partner, selector.len};
}
