/* Actions: reply codes, texts with facts put in, fields. */
#include <stdio.h>
#include "base/ascii.h"
#include "rules/rule_check.h"

static const struct span none;

enum { ACTION_TEXT_MAX = 400 };

static bool wrong(struct rule_check *check, enum rule_mistake kind, const struct rule_token *token, struct span a,
                  struct span b) {
    rule_mistake_add(check->page, kind, token->offset, a, b);
    return false;
}

/* --- texts with places -------------------------------------------------------------------------------------------- */

static bool add_part(struct rule_check *check, struct rule_text *text, struct rule_part part) {
    struct rule_set *set = check->set;
    struct rule_part *parts = rule_check_grow(check, set->parts, &set->part_room, set->part_count, sizeof *parts);
    if (parts == NULL) return false;
    set->parts = parts;
    parts[set->part_count++] = part;
    text->count++;
    return true;
}

static bool add_place(struct rule_check *check, size_t offset, struct span name, struct rule_text *text) {
    const char *names[FACT_COUNT + 1];
    static const char header[] = "header[";
    struct rule_part part = {.kind = PART_FACT};
    size_t len = sizeof header - 1;
    if (span_is(name, "rule")) return add_part(check, text, (struct rule_part){.kind = PART_RULE});
    if (name.len > len + 1 && memcmp(name.ptr, header, len) == 0 && name.ptr[name.len - 1] == ']') {
        part.kind = PART_HEADER;
        check->no_memory |=
            !rule_names_add(&check->set->names, (struct span){name.ptr + len, name.len - len - 1}, &part.name);
        return !check->no_memory && add_part(check, text, part);
    }
    if (rule_facts_find(name, &part.fact)) return add_part(check, text, part);
    for (size_t i = 0; i < FACT_COUNT; i++) names[i] = rule_facts[i].name;
    names[FACT_COUNT] = "rule";
    rule_mistake_add_near(check->page, MISTAKE_PLACE_FACT, offset, name, names, FACT_COUNT + 1);
    return false;
}

static bool wrong_at(struct rule_check *check, enum rule_mistake kind, const struct rule_token *token, size_t at) {
    rule_mistake_add(check->page, kind, token->offset + 1 + at, none, none);
    return false;
}

/* One character of the text that stands for itself, or a place. *at is the index of the next one. */
static bool read_piece(struct rule_check *check, const struct rule_token *token, size_t *at, struct rule_text *text) {
    struct span body = token->body, rest = span_after(body, *at);
    char c = rest.ptr[0];
    bool is_double = rest.len > 1 && rest.ptr[1] == c;
    struct rule_part part = {.kind = PART_LITERAL, .literal = {rest.ptr, 1}};
    if (c == '}' && !is_double) return wrong_at(check, MISTAKE_PLACE_CLOSE, token, *at);
    if (c == '{' && !is_double) {
        size_t len = span_find(rest, '}');
        if (len == rest.len) return wrong_at(check, MISTAKE_PLACE_OPEN, token, *at);
        *at += len + 1;
        return add_place(check, token->offset + 2 + (size_t)(rest.ptr - body.ptr), (struct span){rest.ptr + 1, len - 1},
                         text);
    }
    if (c == '{' || c == '}') {
        *at += 2;
        return add_part(check, text, part);
    }
    if (c == '\\')
        part.literal.ptr++, ++*at, rest = span_after(rest, 1);
    else
        while (part.literal.len < rest.len && span_find(span_of("{}\\"), rest.ptr[part.literal.len]) == 3)
            part.literal.len++;
    *at += part.literal.len;
    return add_part(check, text, part);
}

static bool read_text(struct rule_check *check, const struct rule_token *token, struct rule_text *out) {
    struct span body = token->body;
    *out = (struct rule_text){.first = (uint32_t)check->set->part_count};
    if (token->kind != TOKEN_TEXT) return true;
    if (body.len > ACTION_TEXT_MAX) return wrong(check, MISTAKE_TEXT_LONG, token, none, none);
    for (size_t i = 0; i < body.len; i++)
        if (!ascii_is_graph(body.ptr[i]) && body.ptr[i] != ' ') return wrong_at(check, MISTAKE_TEXT_ASCII, token, i);
    for (size_t at = 0; at < body.len;)
        if (!read_piece(check, token, &at, out)) return false;
    return true;
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

/* RFC 7372 section 3 and RFC 8617 section 9.6: the detail that names the method a refusal speaks of. */
static unsigned detail_of(unsigned families, bool is_temporary) {
    unsigned methods = families & ~(1u << RULE_FAMILY_OTHER);
    unsigned dkim = 1u << RULE_FAMILY_DKIM, aligned = 1u << RULE_FAMILY_ALIGNED;
    if (methods == 0) return 1;
    if (methods == dkim) return 20;
    if ((methods & ~(dkim | aligned)) == 0) return 22;
    if (methods == 1u << RULE_FAMILY_SPF) return is_temporary ? 24 : 23;
    if (methods == 1u << RULE_FAMILY_IPREV) return 25;
    if (methods == 1u << RULE_FAMILY_ARC) return 29;
    return 26;
}

static size_t number_len(struct span text) {
    size_t len = 0;
    while (len < text.len && ascii_is_digit(text.ptr[len])) len++;
    return len;
}

static bool is_enhanced(struct span text, char class) {
    for (int part = 0; part < 3; part++) {
        size_t len = number_len(text);
        if (len == 0 || len > 3 || (part == 0 && (len != 1 || text.ptr[0] != class))) return false;
        text = span_after(text, len);
        if (part < 2 && (text.len == 0 || text.ptr[0] != '.')) return false;
        if (part < 2) text = span_after(text, 1);
    }
    return text.len == 0;
}

static bool read_reply(struct rule_check *check, const struct rule_action *action, struct rule_step *out) {
    bool is_temporary = action->kind == ACTION_TEMPFAIL;
    int64_t least = is_temporary ? 400 : 500;
    out->code = is_temporary ? 451 : 550;
    if (action->code.kind == TOKEN_NUMBER) {
        int64_t code = action->code.number;
        if (code < least || code > least + 99 || code == 421)
            return wrong(check, MISTAKE_CODE, &action->code, action->code.text, action->token.text);
        out->code = (unsigned)code;
    }
    if (action->enhanced.kind == TOKEN_DOTTED) {
        out->enhanced = action->enhanced.text;
        return is_enhanced(out->enhanced, is_temporary ? '4' : '5') ||
               wrong(check, MISTAKE_ENHANCED, &action->enhanced, action->enhanced.text, action->token.text);
    }
    char text[16];
    int len =
        snprintf(text, sizeof text, "%c.7.%u", is_temporary ? '4' : '5', detail_of(check->families, is_temporary));
    out->enhanced = arena_copy(check->set->arena, (struct span){text, (size_t)len});
    check->no_memory |= out->enhanced.ptr == NULL;
    return !check->no_memory;
}

/* --- fields and recipients ---------------------------------------------------------------------------------------- */

static bool is_kept(struct span name, bool is_removed) {
    static const char *const proofs[] = {
        "Authentication-Results", "DKIM-Signature", "Received", "Return-Path", "From", "Date"};
    static const char *const single[] = {"Sender",     "Reply-To",    "To",         "Cc",      "Bcc",
                                         "Message-ID", "In-Reply-To", "References", "Subject", "X-Sceau-Quarantine"};
    if (name.len > 4 && span_is_nocase(span_first(name, 4), "ARC-")) return true;
    for (size_t i = 0; i < sizeof proofs / sizeof *proofs; i++)
        if (span_is_nocase(name, proofs[i])) return true;
    for (size_t i = 0; i < sizeof single / sizeof *single && !is_removed; i++)
        if (span_is_nocase(name, single[i])) return true;
    return false;
}

static bool read_field(struct rule_check *check, const struct rule_action *action, struct rule_step *out) {
    out->name = action->field.body;
    if (!is_kept(out->name, action->kind == ACTION_REMOVE)) return true;
    return wrong(check, MISTAKE_FIELD_KEPT, &action->field, action->field.body, none);
}

static bool read_recipient(struct rule_check *check, const struct rule_action *action, struct rule_step *out) {
    struct span written = rule_check_text(check, &action->target), normal;
    if (!rule_mailbox_normal(written, check->set->arena, &normal)) check->no_memory = true;
    out->target = written;
    for (size_t i = 0; i < written.len; i++)
        if (!ascii_is_graph(written.ptr[i]) || written.ptr[i] == '<' || written.ptr[i] == '>') normal.len = 0;
    return normal.len > 1 && normal.ptr[0] != '@' ? true
                                                  : wrong(check, MISTAKE_MAILBOX, &action->target, written, none);
}

bool rule_check_action(struct rule_check *check, const struct rule_action *action, struct rule_step *out) {
    *out = (struct rule_step){.kind = action->kind};
    if (!read_text(check, &action->text, &out->text)) return false;
    switch (action->kind) {
    case ACTION_REJECT:
    case ACTION_TEMPFAIL: return read_reply(check, action, out);
    case ACTION_DISCARD:
        if (!check->discard_is_armed) return wrong(check, MISTAKE_DISCARD_FILE, &action->token, none, none);
        return check->options->arm_discard || wrong(check, MISTAKE_DISCARD_PROGRAM, &action->token, none, none);
    case ACTION_QUARANTINE:
        if (action->target.kind == TOKEN_TEXT) out->target = rule_check_text(check, &action->target);
        if (action->target.kind == TOKEN_TEXT && out->target.len == 0)
            return wrong(check, MISTAKE_DOWNSTREAM, &action->target, none, none);
        return !check->no_memory;
    case ACTION_ADD:
    case ACTION_REMOVE: return read_field(check, action, out);
    case ACTION_REDIRECT: return read_recipient(check, action, out);
    default: return true;
    }
}
