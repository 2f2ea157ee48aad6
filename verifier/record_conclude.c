#include "verifier/record_conclude.h"
#include "verifier/record_hint.h"

static bool is_absolute(struct span name) { return name.len > 0 && name.ptr[name.len - 1] == '.'; }

static struct span without_dot(struct span name) { return is_absolute(name) ? span_first(name, name.len - 1) : name; }

static struct span first_label(struct span name) { return span_first(name, span_find(name, '.')); }

static bool is_below(struct span name, struct span domain) {
    return name.len > domain.len && span_ends_nocase(name, domain) && name.ptr[name.len - domain.len - 1] == '.';
}

static void add_found(struct finding_list *findings, enum finding_id id, struct span found, struct span expected) {
    struct finding *finding = finding_add(findings, id);
    finding_add_text(finding, "found", found);
    finding_add_text(finding, "expected", expected);
}

/* --- a record that is not published yet -------------------------------------------------------------------------- */

/* The owner's own part: all but the domain and the dot before it. */
static struct span own_part(struct span name, struct span domain) {
    return is_below(name, domain) ? span_first(name, name.len - domain.len - 1) : name;
}

static void conclude_owner(const struct record_paste *paste, struct span domain, struct record_selector *selector) {
    struct span owner = without_dot(paste->owner), typed = own_part(selector->name, domain);
    struct span part = own_part(owner, domain), label = first_label(owner);
    if (owner.len == 0 || span_is(owner, "@")) return;
    if (!is_absolute(paste->owner) && is_below(owner, domain))
        add_found(&selector->findings, FINDING_GIVEN_DOMAIN_TWICE, paste->owner, typed);
    if (span_equal_nocase(part, typed)) return;
    bool lacks_underscore = part.len + 1 == typed.len && span_equal_nocase(label, selector->selector) &&
                            span_ends_nocase(part, span_of(".domainkey"));
    add_found(&selector->findings, lacks_underscore ? FINDING_NO_UNDERSCORE : FINDING_GIVEN_OTHER_NAME, paste->owner,
              selector->name);
}

void record_conclude_paste(const struct record_paste *paste, struct span domain, struct record_selector *selector) {
    size_t longest = paste->strings.len > 0 ? paste->longest : paste->text.len;
    if (longest > RECORD_STRING_MAX) {
        struct finding *finding = finding_add(&selector->findings, FINDING_STRING_TOO_LONG);
        finding_add_number(finding, "found", longest);
        finding_add_number(finding, "expected", RECORD_STRING_MAX);
    }
    if (paste->kind == RECORD_PASTE_ZONE_CNAME && !is_absolute(paste->target)) {
        struct finding *finding = finding_add(&selector->findings, FINDING_GIVEN_NO_FINAL_DOT);
        finding_add_text(finding, "found", paste->target);
        finding_add_text(finding, "name", domain);
    }
    conclude_owner(paste, domain, selector);
}

/* --- a message --------------------------------------------------------------------------------------------------- */

static bool is_signed_with(const struct record_question *question, struct span domain, struct span selector) {
    for (size_t i = 0; i < question->signature_count; i++)
        if (span_equal_nocase(without_dot(question->signature[i].domain), domain) &&
            span_equal_nocase(question->signature[i].selector, selector))
            return true;
    return false;
}

static void conclude_signature(const struct record_signature *signature, struct record_selector *selector,
                               size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!span_equal_nocase(selector[i].selector, signature->selector)) continue;
        finding_add_text(finding_add(&selector[i].findings, FINDING_IN_USE), "selector", selector[i].selector);
        if (selector[i].record != NULL && !selector[i].record->foreign)
            record_signature_judge(signature, selector[i].record, &selector[i].findings);
    }
}

void record_conclude_message(const struct record_question *question, struct span domain,
                             struct record_selector *selector, size_t count, struct finding_list *findings) {
    bool is_signed = false, any_set = false;
    if (!question->has_message) return;
    for (size_t i = 0; i < question->signature_count; i++) {
        if (!span_equal_nocase(without_dot(question->signature[i].domain), domain)) continue;
        is_signed = true;
        conclude_signature(&question->signature[i], selector, count);
    }
    for (size_t i = 0; i < count; i++) any_set |= selector[i].state == RECORD_STATE_SET;
    if (any_set && !is_signed) finding_add(findings, FINDING_UNSIGNED);
}

/* --- the provider ------------------------------------------------------------------------------------------------ */

static void conclude_fault(const struct provider_answer *answer, struct finding_list *findings) {
    static const enum finding_id ids[] = {[JSON_FAULT_COMMA] = FINDING_ANSWER_COMMA,
                                          [JSON_FAULT_BARE_WORD] = FINDING_ANSWER_BARE,
                                          [JSON_FAULT_OTHER] = FINDING_ANSWER_NOT_JSON};
    if (answer->fault == JSON_FAULT_NONE) return;
    finding_add_number(finding_add(findings, ids[answer->fault]), "line", answer->fault_line);
}

/* States of the whole, and of selectors where they are told once. */
static void conclude_state(enum provider_state state, struct finding_list *findings) {
    enum finding_id id = provider_state_finding(state);
    if (id == FINDING_COUNT || id == FINDING_READY) return;
    for (size_t i = 0; i < findings->count; i++)
        if (findings->finding[i].id == id) return;
    struct finding *finding = finding_add(findings, id);
    if (id != FINDING_PROVIDER_ERROR) finding_add_text(finding, "found", span_of(provider_state_word(state)));
}

static void conclude_code(const struct provider_answer *answer, struct finding_list *findings) {
    if (answer->code == 502) finding_add(findings, FINDING_PROVIDER_INTERNAL);
    if (answer->code != 404) return;
    finding_add_text(finding_add(findings, FINDING_PROVIDER_UNKNOWN), "selector",
                     answer->unknown.len > 0 ? answer->unknown : span_of("?"));
}

static void conclude_names(const struct provider_selector *told, struct span domain, struct finding_list *findings) {
    struct span label = first_label(told->name);
    if (told->name_as_written.len > 0)
        add_found(findings, FINDING_ANSWER_UNDERSCORE, told->name_as_written, told->name);
    if (told->target_as_written.len > 0)
        add_found(findings, FINDING_ANSWER_UNDERSCORE, told->target_as_written, told->target);
    if (told->selector.len > 0 && label.len > 0 && !span_equal_nocase(told->selector, label))
        add_found(findings, FINDING_ANSWER_SELECTOR, told->selector, label);
    struct span rest = span_after(told->name, label.len);
    static const char middle[] = "._domainkey.";
    if (rest.len <= sizeof middle - 1 || !span_is_nocase(span_first(rest, sizeof middle - 1), middle)) return;
    rest = span_after(rest, sizeof middle - 1);
    if (!span_equal_nocase(rest, domain)) add_found(findings, FINDING_ANSWER_DOMAIN, rest, domain);
}

static void compare_claim(const struct record_question *question, enum provider_state state, struct span domain,
                          struct record_selector *selector) {
    enum provider_claim claim = provider_state_claim(state);
    bool is_set = selector->state == RECORD_STATE_SET;
    if (claim == PROVIDER_CLAIM_NONE || selector->state == RECORD_STATE_UNKNOWN) return;
    if ((claim == PROVIDER_CLAIM_RIGHT) != is_set) {
        struct finding *finding =
            finding_add(&selector->findings, is_set ? FINDING_PROVIDER_BEHIND : FINDING_PROVIDER_WRONG);
        finding_add_text(finding, "found", span_of(provider_state_word(state)));
        finding_add_text(finding, "selector", selector->selector);
    } else if (provider_state_finding(state) == FINDING_READY &&
               !is_signed_with(question, domain, selector->selector)) {
        finding_add_text(finding_add(&selector->findings, FINDING_READY), "selector", selector->selector);
    }
}

void record_conclude_provider(const struct record_question *question, struct span domain,
                              struct record_selector *selector, size_t count, struct finding_list *findings) {
    const struct provider_answer *answer = question->provider;
    if (answer == NULL) return;
    if (provider_answer_is_empty(answer)) finding_add(findings, FINDING_ANSWER_EMPTY);
    conclude_fault(answer, findings);
    conclude_code(answer, findings);
    conclude_state(answer->state, findings);
    for (size_t i = 0; i < answer->count; i++) {
        const struct provider_selector *told = &answer->selector[i];
        conclude_names(told, domain, findings);
        record_hint_at_target(told->target, first_label(told->name), told->selector, findings);
        conclude_state(told->state, findings);
        enum provider_state state = told->state != PROVIDER_UNTOLD ? told->state : answer->state;
        for (size_t j = 0; j < count; j++)
            if (span_equal_nocase(selector[j].selector, provider_selector_label(told)))
                compare_claim(question, state, domain, &selector[j]);
    }
}
