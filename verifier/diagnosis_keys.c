#include "verifier/diagnosis_keys.h"
#include <stdio.h>
#include "base/ascii.h"
#include "verifier/public_key.h"

enum { RECORD_MAX = 4096, PLUS_MAX = 8, PIECES_MAX = 4 /* two bits name one */ };

/* ---- Which record is it? ---- */

/* Did key make signature? RSA: by its padding; *value is then what it was made over. Ed25519: over header_hash. */
static bool made(const struct dkim_key *record, const struct dkim_signature *signature, const uint8_t *header_hash,
                 struct diagnosis_budget *budget, uint8_t value[DIGEST_OCTETS], bool *other_hash) {
    if (record->key == NULL || record->algorithm != signature->key_algorithm || budget->verifications == 0)
        return false;
    budget->verifications--;
    if (record->algorithm == KEY_ED25519)
        return header_hash != NULL && public_key_verifies(record->key, header_hash, signature->signature);
    enum public_key_recovery recovery = public_key_recover(record->key, signature->signature, value);
    *other_hash = recovery == PUBLIC_KEY_OTHER_HASH;
    return recovery == PUBLIC_KEY_RECOVERED || recovery == PUBLIC_KEY_OTHER_HASH;
}

void diagnosis_keys_find(const struct diagnosis_input *input, const struct dkim_signature *signature,
                         struct diagnosis_budget *budget, struct signature_key *out) {
    *out = (struct signature_key){.entry = NULL};
    for (size_t i = 0; i < input->key_count && out->entry == NULL; i++)
        if (input->keys[i].kind == DIAGNOSIS_KEY_CURRENT && span_equal(input->keys[i].name, signature->key_name))
            out->entry = input->keys[i].entry;
    for (size_t i = 0; out->entry != NULL && i < out->entry->record_count && !out->made_it; i++) {
        const struct dkim_key *record = out->entry->record[i];
        bool fits = record->key != NULL && record->algorithm == signature->key_algorithm;
        if (fits && out->record == NULL) out->record = record;
        if (signature->key_algorithm != KEY_RSA || !made(record, signature, NULL, budget, out->value, &out->other_hash))
            continue;
        out->made_it = true;
        out->record = record;
    }
}

/* ---- Other keys ---- */

static bool try_other_keys(const struct diagnosis_input *input, const struct dkim_signature *signature,
                           const struct signature_key *known, const uint8_t *header_hash,
                           struct diagnosis_budget *budget, struct finding_list *list) {
    uint8_t value[DIGEST_OCTETS];
    bool other_hash;
    for (size_t i = 0; i < input->key_count; i++) {
        const struct diagnosis_key *key = &input->keys[i];
        if (key->entry == NULL || key->entry == known->entry) continue;
        bool same_name = span_equal(key->name, signature->key_name);
        for (size_t k = 0; k < key->entry->record_count; k++) {
            if (!made(key->entry->record[k], signature, header_hash, budget, value, &other_hash)) continue;
            struct finding *finding = finding_add(list, !same_name                         ? FINDING_OTHER_SELECTOR
                                                        : key->kind == DIAGNOSIS_KEY_FRESH ? FINDING_KEY_CACHED
                                                                                           : FINDING_OLDER_KEY);
            finding_add_text(finding, "name", signature->key_name);
            finding_add_text(finding, "found", key->name);
            return true;
        }
    }
    return false;
}

static bool holds_key(const struct key_entry *entry) {
    for (size_t i = 0; entry != NULL && i < entry->record_count; i++)
        if (entry->record[i]->key != NULL) return true;
    return false;
}

/* There is no key at the signature's name, but one at another selector of its domain, which did not make it. */
static bool guess_neighbour(const struct diagnosis_input *input, const struct dkim_signature *signature,
                            struct finding_list *list) {
    for (size_t i = 0; i < input->key_count; i++) {
        const struct diagnosis_key *key = &input->keys[i];
        bool is_neighbour = key->kind == DIAGNOSIS_KEY_CURRENT && !span_equal(key->name, signature->key_name);
        if (!is_neighbour || !holds_key(key->entry) || !span_ends_nocase(key->name, signature->domain_ascii)) continue;
        struct finding *finding = finding_add(list, FINDING_NEIGHBOUR_KEY);
        finding->certainty = FINDING_GUESS;
        finding_add_text(finding, "name", signature->key_name);
        finding_add_text(finding, "found", key->name);
        return true;
    }
    return false;
}

/* ---- Repaired records ---- */

struct repair {
    const struct dkim_signature *signature;
    const uint8_t *header_hash;
    struct diagnosis_budget *budget;
    struct arena *arena;
    struct bytes text;
};

/* Is the text in hand a record whose key made the signature? */
static bool is_right(struct repair *repair) {
    struct dkim_key key = {.key = NULL};
    uint8_t value[DIGEST_OCTETS];
    bool other_hash;
    if (repair->text.failed || repair->budget->verifications == 0) return false;
    dkim_key_parse(bytes_span(&repair->text), repair->arena, &key);
    bool right = made(&key, repair->signature, repair->header_hash, repair->budget, value, &other_hash);
    dkim_key_release(&key);
    return right;
}

enum damage { DAMAGE_QUOTES, DAMAGE_SEMICOLONS, DAMAGE_VERSION, DAMAGE_PEM, DAMAGE_PERCENT, DAMAGE_ALL, DAMAGES };
static const char *const damage_names[] = {
    [DAMAGE_QUOTES] = "quotes, backslashes", [DAMAGE_SEMICOLONS] = "semicolon", [DAMAGE_VERSION] = "v=",
    [DAMAGE_PEM] = "BEGIN PUBLIC KEY",       [DAMAGE_PERCENT] = "%2B",          [DAMAGE_ALL] = "quotes, semicolon, v="};

static bool starts_with(struct span text, const char *word) {
    size_t len = strlen(word);
    return text.len >= len && span_equal_nocase(span_first(text, len), (struct span){word, len});
}

/* A tag of a key record that no semicolon stands before. */
static bool is_lost_tag(struct span text, struct span before) {
    static const char *const tags[] = {"v=", "k=", "p=", "t=", "s=", "h=", "n=", "g="};
    if (before.len == 0) return false;
    char last = before.ptr[before.len - 1];
    if (last != ' ' && last != '\t') return false;
    before = span_trim(before);
    if (before.len == 0 || before.ptr[before.len - 1] == ';') return false;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (starts_with(text, tags[i])) return true;
    return false;
}

static void repair_text(struct span record, enum damage damage, struct bytes *out) {
    bool all = damage == DAMAGE_ALL;
    bytes_clear(out);
    for (struct span rest = record; rest.len > 0; rest = span_after(rest, 1)) {
        char c = rest.ptr[0];
        if ((all || damage == DAMAGE_QUOTES) && (c == '"' || c == '\\' || c == '\'')) continue;
        if (damage == DAMAGE_PEM && starts_with(rest, "-----")) {
            struct span marker = span_after(rest, 5);
            const char *end = marker.len > 0 ? memmem(marker.ptr, marker.len, "-----", 5) : NULL;
            if (end != NULL) rest = span_after(rest, (size_t)(end - rest.ptr) + 4);
            continue;
        }
        if (damage == DAMAGE_PERCENT && rest.len >= 3 && c == '%' && ascii_hex_value(rest.ptr[1]) >= 0 &&
            ascii_hex_value(rest.ptr[2]) >= 0) {
            bytes_append_char(out, (char)(ascii_hex_value(rest.ptr[1]) * 16 + ascii_hex_value(rest.ptr[2])));
            rest = span_after(rest, 2);
            continue;
        }
        if ((all || damage == DAMAGE_SEMICOLONS) &&
            is_lost_tag(rest, (struct span){record.ptr, (size_t)(rest.ptr - record.ptr)}))
            bytes_append_text(out, ";");
        if ((all || damage == DAMAGE_VERSION) && starts_with(rest, "v=dkim1")) {
            bytes_append_text(out, "v=DKIM1");
            rest = span_after(rest, 6);
            continue;
        }
        bytes_append_char(out, c);
    }
}

static void report_repair(struct repair *repair, enum finding_id id, const char *what, struct finding_list *list) {
    struct finding *finding = finding_add(list, id);
    finding->certainty = FINDING_PROVED;
    finding_add_text(finding, "name", repair->signature->key_name);
    if (what != NULL) finding_add_text(finding, "text", span_of(what));
    finding_add_text(finding, "expected", arena_copy(repair->arena, bytes_span(&repair->text)));
}

static bool try_damages(struct repair *repair, struct span record, struct finding_list *list) {
    for (int damage = 0; damage < DAMAGES; damage++) {
        repair_text(record, (enum damage)damage, &repair->text);
        if (span_equal(bytes_span(&repair->text), record) || !is_right(repair)) continue;
        report_repair(repair, FINDING_RECORD_REPAIRED, damage_names[damage], list);
        return true;
    }
    return false;
}

/* Every way to have + where a blank stands in p=. */
static bool try_plus_signs(struct repair *repair, struct span record, struct finding_list *list) {
    size_t place[PLUS_MAX], places = 0;
    const char *start = memmem(record.ptr, record.len, "p=", 2);
    if (start == NULL) return false;
    for (size_t at = (size_t)(start - record.ptr) + 3; at + 1 < record.len && record.ptr[at] != ';'; at++)
        if (record.ptr[at] == ' ') {
            if (places == PLUS_MAX) return false;
            place[places++] = at;
        }
    for (unsigned set = 1u << places; places > 0 && set-- > 1;) { /* all of them first */
        bytes_clear(&repair->text);
        bytes_append(&repair->text, record);
        if (repair->text.failed) return false;
        for (size_t i = 0; i < places; i++)
            if (set >> i & 1) repair->text.ptr[place[i]] = '+';
        if (!is_right(repair)) continue;
        report_repair(repair, FINDING_RECORD_PLUS, NULL, list);
        return true;
    }
    return false;
}

/* Two to four records are pieces of one, in some order. */
static bool try_joined(struct repair *repair, const struct key_entry *entry, struct finding_list *list) {
    struct span piece[2 * KEY_RECORD_MAX];
    size_t n = 0, order[PIECES_MAX];
    for (size_t i = 0; i < entry->record_count; i++) piece[n++] = entry->record[i]->text;
    for (size_t i = 0; i < entry->piece_count; i++) piece[n++] = entry->piece[i];
    if (n < 2 || n > PIECES_MAX) return false;
    for (size_t code = 0; code < (size_t)1 << (2 * n); code++) {
        unsigned seen = 0;
        bytes_clear(&repair->text);
        for (size_t i = 0; i < n; i++) {
            order[i] = code >> (2 * i) & 3;
            seen |= 1u << order[i];
            if (order[i] < n) bytes_append(&repair->text, piece[order[i]]);
        }
        if (seen != (1u << n) - 1 || !is_right(repair)) continue;
        report_repair(repair, FINDING_RECORDS_JOINED, NULL, list);
        return true;
    }
    return false;
}

static bool try_repairs(struct repair *repair, const struct key_entry *entry, struct finding_list *list) {
    for (size_t i = 0; i < entry->record_count; i++) {
        struct span record = entry->record[i]->text;
        if (record.len == 0 || record.len > RECORD_MAX / 2) continue;
        if (try_damages(repair, record, list) || try_plus_signs(repair, record, list)) return true;
    }
    return try_joined(repair, entry, list);
}

void diagnosis_keys_explain(const struct diagnosis_input *input, const struct dkim_signature *signature,
                            const struct signature_key *known, const uint8_t header_hash[DIGEST_OCTETS],
                            struct diagnosis_budget *budget, struct arena *arena, struct finding_list *list) {
    struct repair repair = {signature, header_hash, budget, arena, bytes_with_cap(RECORD_MAX)};
    bool found = try_other_keys(input, signature, known, header_hash, budget, list) ||
                 (known->entry != NULL && try_repairs(&repair, known->entry, list));
    bytes_release(&repair.text);
    if (!found && !holds_key(known->entry)) found = guess_neighbour(input, signature, list);
    if (found || known->record == NULL || signature->key_algorithm != KEY_RSA) return;
    size_t wanted = (known->record->bits + 7) / 8;
    bool damaged = signature->signature.len != wanted;
    struct finding *finding = finding_add(list, damaged ? FINDING_SIG_DAMAGED : FINDING_WRONG_KEY);
    finding_add_text(finding, "name", signature->key_name);
    finding_add_number(finding, "found", signature->signature.len);
    finding_add_number(finding, "expected", wanted);
}
