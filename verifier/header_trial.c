#include "verifier/header_trial.h"
#include "verifier/header_canon.h"
#include "verifier/public_key.h"

enum {
    TRIAL_COST = 1024,        /* octets that a trial costs beside those it hashes */
    VERIFY_COST = 160 * 1024, /* octets that an Ed25519 verification takes as long as */
};

static size_t group_of(struct header_trial *trial, struct span name) {
    for (size_t i = 0; i < trial->group_count; i++)
        if (span_equal_nocase(trial->group[i].name, name)) return i;
    trial->group[trial->group_count] = (struct header_group){.name = name};
    return trial->group_count++;
}

static bool gather(const struct header_section *section, struct header_group *group, struct arena *arena) {
    for (size_t i = 0; i < section->count; i++) group->count += span_equal_nocase(section->fields[i].name, group->name);
    group->field = arena_alloc(arena, (group->count + 1) * sizeof *group->field);
    if (group->field == NULL) return false;
    size_t at = 0;
    for (size_t i = section->count; i > 0; i--)
        if (span_equal_nocase(section->fields[i - 1].name, group->name)) group->field[at++] = &section->fields[i - 1];
    return true;
}

bool header_trial_init(struct header_trial *trial, const struct header_section *section,
                       const struct dkim_signature *signature, const struct header_field *signature_field,
                       struct diagnosis_budget *budget, struct arena *arena) {
    *trial = (struct header_trial){
        .section = section, .signature = signature, .signature_field = signature_field, .budget = budget};
    size_t names = signature->signed_count;
    if (!digest_init(&trial->digest)) return false;
    trial->group = arena_alloc(arena, (names + 1) * sizeof *trial->group);
    trial->slot = arena_alloc(arena, (names + 1) * sizeof *trial->slot);
    size_t *used = arena_alloc(arena, (names + 1) * sizeof *used);
    if (trial->group == NULL || trial->slot == NULL || used == NULL) return false;
    for (; trial->slot_count < names; trial->slot_count++) {
        size_t group = group_of(trial, signature->signed_names[trial->slot_count]);
        trial->slot[trial->slot_count] = (struct header_slot){group, used[group]++};
    }
    trial->octets = signature_field->raw.len;
    for (size_t i = 0; i < trial->group_count; i++) {
        if (!gather(section, &trial->group[i], arena)) return false;
        for (size_t k = 0; k < trial->group[i].count; k++) trial->octets += trial->group[i].field[k]->raw.len;
    }
    for (size_t i = 0; i < names; i++)
        trial->octets += 64 + 8 * trial->group[trial->slot[i].group].count; /* steps to the field */
    return true;
}

void header_trial_release(struct header_trial *trial) { digest_release(&trial->digest); }

void header_trial_aim(struct header_trial *trial, const struct public_key *key, const uint8_t wanted[DIGEST_OCTETS]) {
    trial->key = key;
    trial->has_wanted = wanted != NULL;
    if (wanted != NULL) memcpy(trial->wanted, wanted, DIGEST_OCTETS);
}

static const struct header_edit *edit_of(const struct header_field *field, const struct header_edit *const *edits,
                                         size_t count) {
    for (size_t i = 0; i < count; i++)
        if (edits[i]->field == field && edits[i]->kind != EDIT_INSERT) return edits[i];
    return NULL;
}

static const struct header_field *inserted(struct span name, const struct header_edit *const *edits, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (edits[i]->kind == EDIT_INSERT && span_equal_nocase(edits[i]->text.name, name)) return &edits[i]->text;
    return NULL;
}

/* The field that a slot means, after the changes; NULL: there is none, which is signed as well (section 5.4.2). */
static const struct header_field *field_at(const struct header_trial *trial, struct header_slot slot,
                                           enum header_mode mode, const struct header_edit *const *edits,
                                           size_t count) {
    const struct header_group *group = &trial->group[slot.group];
    size_t left = slot.ordinal;
    for (size_t i = 0; i < group->count; i++) {
        const struct header_field *field = group->field[mode == HEADER_TOP_DOWN ? group->count - 1 - i : i];
        const struct header_edit *edit = edit_of(field, edits, count);
        if (edit != NULL && edit->kind == EDIT_REMOVE) continue;
        if (left-- == 0) return edit != NULL ? &edit->text : field;
    }
    return left == 0 ? inserted(group->name, edits, count) : NULL;
}

bool header_trial_hash(struct header_trial *trial, enum header_mode mode, const struct header_edit *const *edits,
                       size_t count, uint8_t value[DIGEST_OCTETS]) {
    enum canonicalization kind = trial->signature->header_canon;
    if (mode == HEADER_OTHER_CANON) kind = kind == CANON_SIMPLE ? CANON_RELAXED : CANON_SIMPLE;
    digest_begin(&trial->digest);
    for (size_t i = 0; i < trial->slot_count; i++) {
        const struct header_field *field = field_at(trial, trial->slot[i], mode, edits, count);
        if (field != NULL) header_canon_field(kind, field, &trial->digest);
    }
    const struct header_edit *edit = edit_of(trial->signature_field, edits, count);
    if (edit != NULL)
        header_canon_signature(kind, &edit->text, edit->signature_value, &trial->digest);
    else
        header_canon_signature(kind, trial->signature_field, trial->signature->signature_value, &trial->digest);
    return digest_end(&trial->digest, value);
}

bool header_trial_run(struct header_trial *trial, enum header_mode mode, const struct header_edit *const *edits,
                      size_t count) {
    uint8_t value[DIGEST_OCTETS];
    unsigned *left = trial->has_wanted ? &trial->budget->header_trials : &trial->budget->verifications;
    uint64_t cost = trial->octets + (trial->has_wanted ? TRIAL_COST : VERIFY_COST);
    if (*left == 0 || !diagnosis_budget_take(trial->budget, cost)) return false;
    --*left;
    if (!header_trial_hash(trial, mode, edits, count, value)) return false;
    if (trial->has_wanted) return memcmp(value, trial->wanted, DIGEST_OCTETS) == 0;
    return public_key_verifies(trial->key, value, trial->signature->signature);
}
