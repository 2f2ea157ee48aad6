#include "base/ascii.h"
#include "rules/rule_run.h"

enum { VALUE_SHOWN_MAX = 8192 };

/* What comes from outside goes on the wire and into logs: one line of printable ASCII. */
static void append_plain(struct bytes *out, struct span text) {
    for (size_t i = 0; i < text.len && out->len < out->cap; i++) {
        char c = text.ptr[i];
        bytes_append_char(out, ascii_is_graph(c) || c == ' ' ? c : c == '\t' ? ' ' : '?');
    }
}

static void append_values(struct rule_run *run, const struct rule_part *part, struct bytes *out) {
    struct rule_comparison subject = {.fact = part->fact, .is_header = part->kind == PART_HEADER, .name = part->name};
    struct bytes values = bytes_with_cap(VALUE_SHOWN_MAX);
    rule_compare_write_subject(run, &subject, &values);
    append_plain(out, bytes_span(&values));
    bytes_release(&values);
}

void rule_text_write(struct rule_run *run, const struct rule_text *text, struct span rule_name, struct bytes *out) {
    for (uint32_t i = 0; i < text->count; i++) {
        const struct rule_part *part = &run->set->parts[text->first + i];
        switch (part->kind) {
        case PART_LITERAL: append_plain(out, part->literal); break;
        case PART_RULE: append_plain(out, rule_name); break;
        default: append_values(run, part, out); break;
        }
    }
}
