#include "proxy/message_rules.h"
#include <string.h>
#include "base/arena.h"
#include "base/ascii.h"
#include "base/options.h"
#include "http/stats_view.h"
#include "proxy/header_edit.h"
#include "proxy/rule_config.h"
#include "rules/replay_counter.h"
#include "verifier/result.h"

enum {
    REPLAYS_MAX = 8,       /* signatures of one message that are counted */
    NOTES_MAX = 480,       /* a log value is cut at 512 octets: whole notes instead */
    PATH_MAX_OCTETS = 254, /* RFC 5321 section 4.5.3.1.3, without <> */
    FIELD_LINE_MAX = 998,  /* octets of a line without CRLF (RFC 5322 section 2.1.1) */
};

static const char decision_field[] = "X-Sceau-Rule";

void message_rules_reset(struct message_rules *rules) {
    struct arena *arena = rules->arena;
    if (arena != NULL) arena_reset(arena);
    *rules = (struct message_rules){.arena = arena};
}

void message_rules_release(struct message_rules *rules) {
    arena_destroy(rules->arena);
    *rules = (struct message_rules){.arena = NULL};
}

/* -- repeated signatures -- */

/* Counted for every message, whether a rule asks or not: what is not counted cannot be asked for later. */
struct remembered {
    struct domain_stats *domains; /* NULL: nobody counts */
    int64_t now_s;
    size_t count;
    struct {
        struct span signature;
        uint32_t before;
    } seen[REPLAYS_MAX];
};

static void count_replays(struct remembered *replays, const struct message_judge *judge, const struct rule_input *input) {
    const struct message_result *result = input->result;
    replays->count = 0;
    for (size_t i = 0; judge->replays != NULL && i < result->dkim_count && replays->count < REPLAYS_MAX; i++) {
        struct span signature = result->dkim[i].signature;
        if (signature.len == 0) continue;
        replays->seen[replays->count].signature = signature;
        replays->seen[replays->count++].before = replay_counter_add(judge->replays, signature, input->now_s);
    }
}

static bool tell_repeats(void *owner, struct span signature, uint64_t *count) {
    const struct remembered *replays = owner;
    for (size_t i = 0; i < replays->count; i++) {
        if (!span_equal(replays->seen[i].signature, signature)) continue;
        *count = replays->seen[i].before;
        return true;
    }
    return false;
}

/* -- what the statistics know of a signing domain -- */

static bool tell_first_seen(void *owner, struct span domain, int64_t *age_s) {
    const struct remembered *remembered = owner;
    int64_t first_seen_s;
    uint64_t day;
    if (remembered->domains == NULL || !stats_domain_glance(remembered->domains, domain, &first_seen_s, &day)) return false;
    *age_s = remembered->now_s > first_seen_s ? remembered->now_s - first_seen_s : 0;
    return true;
}

static bool tell_volume(void *owner, struct span domain, uint64_t *messages) {
    const struct remembered *remembered = owner;
    int64_t first_seen_s;
    return remembered->domains != NULL && stats_domain_glance(remembered->domains, domain, &first_seen_s, messages);
}

/* -- what the rules said -- */

static struct span keep(struct message_rules *rules, struct span octets, bool *is_whole) {
    struct span copy = arena_copy(rules->arena, octets);
    *is_whole = *is_whole && copy.len == octets.len;
    return copy;
}

static const char *keep_text(struct message_rules *rules, struct span octets, bool *is_whole) {
    char *copy = arena_alloc(rules->arena, octets.len + 1);
    if (copy == NULL) return *is_whole = false, "";
    if (octets.len > 0) memcpy(copy, octets.ptr, octets.len);
    return copy;
}

static struct span name_of(const struct message_judge *judge, uint32_t rule) {
    return rule != RULE_NONE ? rule_set_name(judge->config->set, rule) : (struct span){NULL, 0};
}

static void keep_decision(struct message_rules *rules, const struct message_judge *judge,
                          const struct rule_outcome *outcome, bool *is_whole) {
    const struct rule_decision *decision = &outcome->decision, *shadow = &outcome->shadow;
    rules->verdict = decision->verdict;
    rules->is_on_error = decision->is_on_error;
    rules->code = decision->code;
    rules->enhanced = keep_text(rules, decision->enhanced, is_whole);
    rules->text = keep_text(rules, decision->text, is_whole);
    rules->rule = keep(rules, name_of(judge, decision->rule), is_whole);
    rules->shadow_verdict = shadow->verdict;
    if (shadow->rule != decision->rule) rules->shadow_rule = keep(rules, name_of(judge, shadow->rule), is_whole);
    if (outcome->is_overridden) rules->override_reason = keep(rules, outcome->override_reason, is_whole);
}

static void keep_edits(struct message_rules *rules, const struct rule_outcome *outcome, bool *is_whole) {
    struct rule_edit *edit = arena_alloc(rules->arena, (outcome->edit_count + 1) * sizeof *edit);
    if (edit == NULL) {
        *is_whole = false;
        return;
    }
    for (size_t i = 0; i < outcome->edit_count; i++) {
        edit[i] = outcome->edit[i];
        edit[i].name = keep(rules, outcome->edit[i].name, is_whole);
        edit[i].value = keep(rules, outcome->edit[i].value, is_whole);
        if (edit[i].kind == RULE_REDIRECT) rules->redirect = keep_text(rules, outcome->edit[i].value, is_whole);
    }
    rules->edit = edit;
    rules->edit_count = outcome->edit_count;
}

static void append_note(struct bytes *notes, struct span note) {
    size_t before = notes->len;
    if (note.len == 0) return;
    if (before > 0) bytes_append_text(notes, "; ");
    bytes_append(notes, note);
    if (notes->failed) notes->failed = false, notes->len = before; /* a later, shorter one may still fit */
}

static void take_events(struct message_rules *rules, const struct message_judge *judge,
                        const struct rule_outcome *outcome, bool *is_whole) {
    struct bytes notes = bytes_with_cap(NOTES_MAX);
    for (const struct rule_event *event = outcome->event; event < outcome->event + outcome->event_count; event++) {
        switch (event->kind) {
        case RULE_EVENT_HIT: rules->hits++, rule_config_count(judge->config, event->rule, RULE_COUNT_HITS); break;
        case RULE_EVENT_SHADOW:
            rules->shadow_hits++, rule_config_count(judge->config, event->rule, RULE_COUNT_SHADOW_HITS);
            break;
        case RULE_EVENT_ERROR:
        case RULE_EVENT_SHADOW_ERROR: message_rules_fail(rules, judge, event->rule); break;
        }
        append_note(&notes, event->log);
    }
    rules->notes = keep(rules, bytes_span(&notes), is_whole);
    bytes_release(&notes);
}

void message_rules_fail(struct message_rules *rules, const struct message_judge *judge, uint32_t rule) {
    rules->errors++;
    rule_config_count(judge->config, rule, RULE_COUNT_ERRORS);
}

void message_rules_drop_redirect(struct message_rules *rules, const struct message_judge *judge) {
    uint32_t rule = RULE_NONE;
    for (size_t i = 0; i < rules->edit_count; i++)
        if (rules->edit[i].kind == RULE_REDIRECT) rule = rules->edit[i].rule;
    rules->redirect = NULL;
    message_rules_fail(rules, judge, rule);
}

/* A recipient becomes part of a command. */
static bool is_path(const char *text) {
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (!ascii_is_graph(text[i]) || text[i] == '<' || text[i] == '>') return false;
    return len > 0 && len <= PATH_MAX_OCTETS;
}

/* A quarantine that is not there must not become a delivery: the client keeps the message. */
static void find_quarantine(struct message_rules *rules, const struct message_judge *judge,
                            const struct rule_decision *decision) {
    if (decision->verdict != RULE_QUARANTINE || decision->downstream.len == 0) return;
    rules->quarantine = rule_config_quarantine(judge->config, decision->downstream);
    if (rules->quarantine != NULL) return;
    message_rules_fail(rules, judge, decision->rule);
    rules->verdict = RULE_TEMPFAIL;
    rules->code = 451;
    rules->enhanced = "4.3.5";
    rules->text = "No such quarantine in the configuration";
}

bool message_rules_judge(struct message_rules *rules, const struct message_judge *judge, struct rule_input *input) {
    struct remembered remembered;
    struct rule_outcome outcome;
    bool is_whole = true;
    if (judge->config == NULL || judge->config->set == NULL) return true;
    if (rules->arena == NULL) rules->arena = arena_create(MESSAGE_RULES_OCTETS);
    if (rules->arena == NULL || judge->scratch == NULL) return false;
    remembered.domains = judge->domains;
    remembered.now_s = input->now_s;
    count_replays(&remembered, judge, input);
    const struct rule_memory memory = {.owner = &remembered, .repeats = tell_repeats, .first_seen = tell_first_seen, .volume = tell_volume};
    input->memory = &memory;
    (void)rule_set_evaluate(judge->config->set, input, judge->scratch, &outcome); /* without memory: a tempfail */
    input->memory = NULL;
    keep_decision(rules, judge, &outcome, &is_whole);
    keep_edits(rules, &outcome, &is_whole);
    take_events(rules, judge, &outcome, &is_whole);
    find_quarantine(rules, judge, &outcome.decision);
    if (rules->redirect != NULL && !is_path(rules->redirect)) message_rules_drop_redirect(rules, judge);
    rules->is_judged = is_whole;
    return is_whole;
}

/* -- edits -- */

static bool is_field_name(struct span name) {
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_is_graph(name.ptr[i]) || name.ptr[i] == ':') return false;
    /* Only one field of that name is ours, and it is made of results, not of a rule's text. */
    return name.len > 0 && name.len < 100 && !span_is_nocase(name, "Authentication-Results");
}

/* One line, whatever the value holds. */
static void append_field(struct bytes *out, struct span name, struct span value) {
    size_t room = FIELD_LINE_MAX - name.len - 2;
    bytes_append(out, name);
    bytes_append_text(out, ": ");
    for (size_t i = 0; i < value.len && i < room; i++)
        bytes_append_char(out, ascii_is_graph(value.ptr[i]) || value.ptr[i] == ' ' ? value.ptr[i] : '?');
    bytes_append_text(out, "\r\n");
}

static void append_decision(struct bytes *out, const struct message_rules *rules) {
    struct bytes value = bytes_with_cap(FIELD_LINE_MAX);
    bytes_append_text(&value, rule_verdict_word(rules->verdict));
    if (rules->rule.len > 0)
        bytes_append_text(&value, " by \""), bytes_append(&value, rules->rule), bytes_append_char(&value, '"');
    else
        bytes_append_text(&value, " by default");
    if (rules->text[0] != '\0') bytes_append_text(&value, ": "), bytes_append_text(&value, rules->text);
    append_field(out, span_of(decision_field), bytes_span(&value));
    bytes_release(&value);
}

static bool tag_subject(struct message_rules *rules, struct header_edit *edit, const struct rule_edit *wanted,
                        struct bytes *out) {
    static const struct span subject = {"Subject", sizeof "Subject" - 1};
    switch (header_edit_tag(edit, subject, wanted->value, rules->arena)) {
    case HEADER_EDIT_DONE: return true;
    case HEADER_EDIT_NO_FIELD: return append_field(out, subject, wanted->value), true;
    default: return false;
    }
}

bool message_rules_edit(struct message_rules *rules, const struct message_judge *judge, struct header_edit *edit,
                        struct bytes *out) {
    bool is_whole = true;
    if (!rules->is_judged) return true;
    if (judge->config->options->rules_header != 0) {
        header_edit_remove(edit, span_of(decision_field)); /* nobody else speaks for our rules */
        append_decision(out, rules);
    }
    for (const struct rule_edit *wanted = rules->edit; is_whole && wanted < rules->edit + rules->edit_count; wanted++) {
        bool is_known =
            wanted->kind == RULE_TAG_SUBJECT || wanted->kind == RULE_REDIRECT || is_field_name(wanted->name);
        if (!is_known) {
            message_rules_fail(rules, judge, wanted->rule);
            continue;
        }
        switch (wanted->kind) {
        case RULE_ADD_FIELD: append_field(out, wanted->name, wanted->value); break;
        case RULE_REMOVE_FIELD: header_edit_remove(edit, wanted->name); break;
        case RULE_TAG_SUBJECT: is_whole = tag_subject(rules, edit, wanted, out); break;
        case RULE_REDIRECT: break; /* the session's */
        }
    }
    return is_whole && !out->failed;
}
