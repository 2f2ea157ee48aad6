#include "http/message_facts.h"
#include "base/ascii.h"
#include "base/bytes.h"
#include "http/canonical_text.h"
#include "verifier/dkim_signature.h"
#include "verifier/received_time.h"
#include "verifier/tag_list.h"

enum { WORDS_MAX = 256, CANONICAL_WORK_MAX = 1 << 20 };

static struct tester_text cut(struct span text, size_t most, struct arena *arena) {
    return (struct tester_text){arena_copy(arena, span_first(text, text.len < most ? text.len : most)), text.len};
}

struct tester_text message_fact_field(const struct header_section *section, const char *name, struct arena *arena) {
    const struct header_field *field = header_section_find(section, name, 0);
    if (field == NULL) return (struct tester_text){{NULL, 0}, 0};
    struct bytes text = bytes_with_cap(field->body.len + 1);
    struct span body = span_trim(field->body);
    for (size_t i = 0; i < body.len; i++)
        if (body.ptr[i] != '\r' || i + 1 == body.len || body.ptr[i + 1] != '\n')
            bytes_append_char(&text, body.ptr[i]);
        else
            i++; /* the blank behind a fold stays */
    struct tester_text out = cut(bytes_span(&text), TESTER_FIELD_MAX, arena);
    bytes_release(&text);
    return out;
}

/* ---- Received ---- */

/* Length of the comment, word or single mark that text begins with. */
static size_t token(struct span text) {
    size_t depth = 0, i = 0;
    if (text.ptr[0] != '(') {
        while (i < text.len && !ascii_is_space(text.ptr[i]) && text.ptr[i] != '(' && text.ptr[i] != ';') i++;
        return i > 0 ? i : 1;
    }
    for (; i < text.len; i++) {
        if (text.ptr[i] == '\\') i++;
        else if (text.ptr[i] == '(') depth++;
        else if (text.ptr[i] == ')' && --depth == 0) return i + 1;
    }
    return text.len;
}

/* Where the words behind a keyword go; NULL: nowhere. False: word is no keyword (RFC 5321 section 4.4). */
static bool is_keyword(struct span word, struct tester_step *step, struct span **target) {
    const struct { const char *word; struct span *target; } keywords[] = {
        {"from", &step->from}, {"by", &step->by}, {"with", &step->with}, {"via", NULL}, {"id", NULL}, {"for", NULL}, {";", NULL}};
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (!span_is_nocase(word, keywords[i].word)) continue;
        *target = keywords[i].target != NULL && keywords[i].target->ptr == NULL ? keywords[i].target : NULL;
        return true;
    }
    return false;
}

static void read_step(struct span body, struct tester_step *step) {
    struct span *target = NULL;
    *step = (struct tester_step){.has_time = false};
    step->has_time = received_time_read(body, &step->time_s);
    while (body.len > 0) {
        if (ascii_is_space(body.ptr[0])) {
            body = span_after(body, 1);
            continue;
        }
        struct span word = span_first(body, token(body));
        body = span_after(body, word.len);
        if (is_keyword(word, step, &target) || target == NULL) continue;
        const char *start = target->ptr != NULL ? target->ptr : word.ptr;
        size_t len = (size_t)(word.ptr + word.len - start);
        *target = (struct span){start, len < WORDS_MAX ? len : WORDS_MAX};
    }
}

size_t message_fact_steps(const struct header_section *section, struct tester_step step[TESTER_STEPS_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < section->count && count < TESTER_STEPS_MAX; i++)
        if (span_is_nocase(section->fields[i].name, "Received")) read_step(section->fields[i].body, &step[count++]);
    return count;
}

/* ---- signatures ---- */

static void take_tags(struct span body, struct arena *arena, struct tester_signature *out) {
    struct tag_list list;
    size_t error_at;
    if (tag_list_parse(body, &list, &error_at) != TAG_LIST_OK) tag_list_salvage(body, &list);
    struct tester_tag *tag = arena_alloc(arena, list.count * sizeof *tag);
    for (size_t i = 0; tag != NULL && i < list.count; i++) tag[i] = (struct tester_tag){list.tag[i].name, list.tag[i].value};
    out->tag = tag;
    out->tag_count = tag != NULL ? list.count : 0;
}

void message_fact_signature(const struct header_section *section, bool has_body, struct span body, const struct dkim_result *result,
                            struct arena *arena, struct tester_signature *out) {
    struct dkim_signature signature;
    if (result->field_index >= section->count) return;
    const struct header_field *field = &section->fields[result->field_index];
    take_tags(field->body, arena, out);
    if (!dkim_signature_parse(field, arena, &signature)) return;
    struct bytes text = bytes_with_cap(CANONICAL_WORK_MAX);
    canonical_text_header(&text, section, &signature, field);
    out->canonical_header = cut(bytes_span(&text), TESTER_CANONICAL_MAX, arena);
    bytes_release(&text);
    if (!has_body) return;
    text = bytes_with_cap(TESTER_CANONICAL_MAX);
    uint64_t octets = canonical_text_body(&text, signature.body_canon, signature.has_body_limit, signature.body_limit, body,
                                          TESTER_CANONICAL_LINES_MAX);
    out->canonical_body = (struct tester_text){arena_copy(arena, bytes_span(&text)), octets};
    bytes_release(&text);
}
