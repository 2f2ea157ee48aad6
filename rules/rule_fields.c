#include "rules/rule_fields.h"
#include <stdlib.h>
#include <string.h>
#include "base/ascii.h"
#include "base/bytes.h"
#include "verifier/encoded_word.h"
#include "verifier/header_section.h"

struct field_value {
    bool has_plain, has_decoded;
    struct span plain, decoded;
};

/* FNV-1a without case. The table holds the operator's names only, so nobody outside can make it slow. */
static uint32_t hash(struct span name) {
    uint32_t out = 2166136261u;
    for (size_t i = 0; i < name.len; i++) out = (out ^ (uint8_t)ascii_lower(name.ptr[i])) * 16777619u;
    return out;
}

/* The slot in which name is, or in which it would be; there is always an empty one. */
static size_t find_slot(const struct rule_names *names, struct span name) {
    size_t at = hash(name) & (names->slot_count - 1);
    while (names->slots[at] != 0 && !span_equal_nocase(names->name[names->slots[at] - 1], name))
        at = (at + 1) & (names->slot_count - 1);
    return at;
}

static bool grow(struct rule_names *names) {
    size_t slot_count = names->slot_count > 0 ? names->slot_count * 2 : 64;
    struct span *name = realloc(names->name, slot_count / 2 * sizeof *name);
    if (name != NULL) names->name = name, names->room = slot_count / 2;
    uint16_t *slots = name != NULL ? calloc(slot_count, sizeof *slots) : NULL;
    if (slots == NULL) return false;
    free(names->slots);
    names->slots = slots;
    names->slot_count = slot_count;
    for (size_t i = 0; i < names->count; i++) names->slots[find_slot(names, names->name[i])] = (uint16_t)(i + 1);
    return true;
}

bool rule_names_add(struct rule_names *names, struct span name, uint16_t *out) {
    if (names->count == names->room && !grow(names)) return false;
    size_t slot = find_slot(names, name);
    if (names->slots[slot] == 0) {
        if (names->count == RULE_NAMES_MAX) return false;
        names->name[names->count++] = name;
        names->slots[slot] = (uint16_t)names->count;
    }
    *out = (uint16_t)(names->slots[slot] - 1);
    return true;
}

void rule_names_release(struct rule_names *names) {
    free(names->name);
    free(names->slots);
    *names = (struct rule_names){0};
}

bool rule_fields_init(struct rule_fields *fields, const struct rule_names *names, const struct header_section *header,
                      struct arena *arena) {
    *fields = (struct rule_fields){.names = names, .header = header, .arena = arena};
    if (names->count == 0) return true;
    fields->first = arena_alloc(arena, names->count * sizeof *fields->first);
    fields->next = arena_alloc(arena, (header->count + 1) * sizeof *fields->next);
    fields->values = arena_alloc(arena, (header->count + 1) * sizeof *fields->values);
    if (fields->first == NULL || fields->next == NULL || fields->values == NULL) return false;
    for (size_t i = header->count < UINT16_MAX ? header->count : UINT16_MAX - 1; i > 0; i--) {
        struct span name = header->fields[i - 1].name;
        if (name.len == 0) continue;
        unsigned slot = names->slots[find_slot(names, name)];
        if (slot == 0) continue;
        fields->next[i - 1] = fields->first[slot - 1];
        fields->first[slot - 1] = (uint16_t)i;
    }
    return true;
}

static bool unfold(struct span body, struct arena *arena, struct span *out) {
    size_t len = 0;
    body = span_trim(body);
    *out = body;
    if (body.len == 0 || memchr(body.ptr, '\n', body.len) == NULL) return true;
    char *text = arena_alloc(arena, body.len);
    if (text == NULL) return false;
    for (size_t i = 0; i < body.len; i++) {
        if (body.ptr[i] == '\r' && i + 1 < body.len && body.ptr[i + 1] == '\n')
            i++;
        else
            text[len++] = body.ptr[i];
    }
    *out = (struct span){text, len};
    return true;
}

static bool decode(struct span plain, struct arena *arena, struct span *out) {
    *out = plain;
    if (!encoded_word_present(plain)) return true;
    struct bytes text = bytes_with_cap(plain.len);
    bool decoded = encoded_word_decode(plain, &text);
    if (decoded && text.len > 0)
        *out = arena_copy(arena, bytes_span(&text));
    else
        out->len = 0;
    bytes_release(&text);
    return decoded && (out->len == 0 || out->ptr != NULL);
}

bool rule_fields_value(struct rule_fields *fields, unsigned at, bool decoded, struct span *out) {
    struct field_value *value = &fields->values[at - 1];
    if (!value->has_plain) {
        if (!unfold(fields->header->fields[at - 1].body, fields->arena, &value->plain)) return false;
        value->has_plain = true;
    }
    if (decoded && !value->has_decoded) {
        if (!decode(value->plain, fields->arena, &value->decoded)) return false;
        value->has_decoded = true;
    }
    *out = decoded ? value->decoded : value->plain;
    return true;
}
