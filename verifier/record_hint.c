#include "verifier/record_hint.h"
#include "base/ascii.h"

/* As seen in guides and zones. */
static const struct {
    const char *suffix;         /* of all their targets */
    bool begins_with_own_label; /* the target's first label is that of the record */
    bool has_letters;           /* a label of two letters stands before the suffix, not a number */
} providers[] = {
    {".dkim.mail.ovh.net", true, true},
};

static void hint_at_label(struct span target, struct span own_label, struct span selector,
                          struct finding_list *findings) {
    struct span label = span_first(target, span_find(target, '.'));
    if (own_label.len == 0 || span_equal_nocase(label, own_label)) return;
    struct finding *finding = finding_add(findings, FINDING_ALIAS_OF_ANOTHER);
    finding->certainty = FINDING_GUESS;
    finding_add_text(finding, "selector", selector);
    finding_add_text(finding, "found", target);
}

static void hint_at_letters(struct span target, struct span suffix, struct finding_list *findings) {
    if (!ascii_is_digit(target.ptr[target.len - suffix.len - 1])) return;
    struct finding *finding = finding_add(findings, FINDING_TARGET_LABEL_MISSING);
    finding->certainty = FINDING_GUESS;
    finding_add_text(finding, "found", target);
    finding_add_text(finding, "expected", span_after(suffix, 1));
}

void record_hint_at_target(struct span target, struct span own_label, struct span selector,
                           struct finding_list *findings) {
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        struct span suffix = span_of(providers[i].suffix);
        if (target.len <= suffix.len || !span_ends_nocase(target, suffix)) continue;
        if (providers[i].begins_with_own_label) hint_at_label(target, own_label, selector, findings);
        if (providers[i].has_letters) hint_at_letters(target, suffix, findings);
    }
}
