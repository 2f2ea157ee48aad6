#include "verifier/diagnosis_compare.h"
#include <stdio.h>

enum { LABEL_MAX = 300, NAMES_MAX = 1000 };

/* ---- Bodies ---- */

/* A signature or hop that says what the body was when it saw it. */
struct witness {
    size_t field_index; /* the lower in the header section, the earlier */
    const struct dkim_signature *signature;
    unsigned hop; /* 0: a DKIM signature */
};

static bool compares(const struct dkim_signature *a, const struct dkim_signature *b) {
    return b->code == DKIM_OK && a->body_canon == b->body_canon && !a->has_body_limit && !b->has_body_limit &&
           b->body_hash.len == a->body_hash.len;
}

/* The next later witness than field_index; false: there is none. */
static bool next_witness(const struct diagnosis_input *input, const struct diagnosis_signatures *all,
                         const struct arc_chain *chain, const struct dkim_signature *like, size_t field_index,
                         struct witness *out) {
    bool found = false;
    for (size_t i = 0; i < all->count; i++) {
        size_t at = input->result->dkim[i].field_index;
        if (at >= field_index || (found && at <= out->field_index) || !compares(like, &all->signature[i])) continue;
        *out = (struct witness){at, &all->signature[i], 0};
        found = true;
    }
    for (unsigned i = 0; i < chain->newest; i++) {
        const struct arc_set *set = &chain->set[i];
        if (set->message == NULL || !compares(like, &set->message_signature)) continue;
        size_t at = (size_t)(set->message - input->section->fields);
        if (at >= field_index || (found && at <= out->field_index)) continue;
        *out = (struct witness){at, &set->message_signature, i + 1};
        found = true;
    }
    return found;
}

static struct span label_of(const struct witness *witness, struct arena *arena) {
    char text[LABEL_MAX];
    struct span domain = witness->signature->domain_ascii;
    int len = snprintf(text, sizeof text, witness->hop > 0 ? "%.*s (ARC %u)" : "%.*s", (int)domain.len, domain.ptr,
                       witness->hop);
    return arena_copy(arena, (struct span){text, len < 0                     ? 0
                                                 : (size_t)len < sizeof text ? (size_t)len
                                                                             : sizeof text - 1});
}

void diagnosis_compare_bodies(const struct diagnosis_input *input, const struct diagnosis_signatures *all, size_t index,
                              const struct arc_chain *chain, struct arena *arena, struct finding_list *list) {
    struct witness last = {input->result->dkim[index].field_index, &all->signature[index], 0}, next;
    unsigned witnesses = 0;
    if (last.signature->has_body_limit) return;
    while (next_witness(input, all, chain, &all->signature[index], last.field_index, &next)) {
        witnesses++;
        if (!span_equal(next.signature->body_hash, last.signature->body_hash)) break;
        last = next;
        next.signature = NULL;
    }
    if (witnesses == 0) return;
    struct finding *finding = finding_add(list, FINDING_BODY_HOP);
    finding_add_text(finding, "found", label_of(&last, arena));
    finding_add_text(finding, "expected", next.signature != NULL ? label_of(&next, arena) : span_of("this server"));
    finding->hop = next.signature != NULL ? next.hop : last.hop;
}

/* ---- Fields ---- */

static size_t times_in(const struct dkim_signature *signature, struct span name, size_t before) {
    size_t times = 0;
    for (size_t i = 0; i < before; i++) times += span_equal_nocase(signature->signed_names[i], name);
    return times;
}

/* Names that a signs (as often) and b does not. */
static struct span only_in(const struct dkim_signature *a, const struct dkim_signature *b, struct arena *arena) {
    struct bytes names = bytes_with_cap(NAMES_MAX);
    for (size_t i = 0; i < a->signed_count && !names.failed; i++) {
        struct span name = a->signed_names[i];
        if (times_in(a, name, i) < times_in(b, name, b->signed_count)) continue;
        if (names.len > 0) bytes_append_text(&names, ", ");
        bytes_append(&names, name);
    }
    struct span copy = arena_copy(arena, bytes_span(&names));
    bytes_release(&names);
    return copy;
}

void diagnosis_compare_fields(const struct diagnosis_input *input, const struct diagnosis_signatures *all, size_t index,
                              struct arena *arena, struct finding_list *list) {
    const struct dkim_signature *changed = &all->signature[index];
    for (size_t i = 0; i < all->count; i++) {
        const struct dkim_signature *intact = &all->signature[i];
        if (i == index || input->result->dkim[i].header_part != PART_INTACT || intact->code != DKIM_OK) continue;
        if (intact->header_canon == CANON_RELAXED && changed->header_canon == CANON_SIMPLE) continue;
        struct span names = only_in(changed, intact, arena);
        if (names.len == 0) continue;
        struct finding *finding = finding_add(list, FINDING_FIELD_AMONG);
        finding_add_text(finding, "text", names);
        finding->has_signature = true;
        finding->signature = index;
        return;
    }
}
