#include "verifier/arc_set.h"
#include "base/ascii.h"

static const char results_name[] = "ARC-Authentication-Results", message_name[] = "ARC-Message-Signature",
                  seal_name[] = "ARC-Seal";

/* What lies before the rest of text: white space, folds and comments, which may be nested (RFC 5322 section 3.2.2). */
static struct span skip_cfws(struct span text) {
    size_t depth = 0, i = 0;
    for (; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '(')
            depth++;
        else if (c == ')' && depth > 0)
            depth--;
        else if (c == '\\' && depth > 0)
            i++;
        else if (depth == 0 && !ascii_is_space(c))
            break;
    }
    return span_after(text, i < text.len ? i : text.len);
}

static bool take_char(struct span *text, char wanted) {
    *text = skip_cfws(*text);
    if (text->len == 0 || *text->ptr != wanted) return false;
    *text = span_after(*text, 1);
    return true;
}

unsigned arc_set_results_instance(struct span body) {
    unsigned instance = 0;
    size_t digits = 0;
    if (!take_char(&body, 'i') || !take_char(&body, '=')) return 0;
    body = skip_cfws(body);
    for (; digits < body.len && digits < 4 && ascii_is_digit(body.ptr[digits]); digits++)
        instance = instance * 10 + (unsigned)(body.ptr[digits] - '0');
    body = span_after(body, digits);
    return take_char(&body, ';') ? instance : 0;
}

struct collector {
    struct arena *arena;
    struct arc_chain *chain;
    bool unnamed;      /* a field names no instance */
    unsigned too_high; /* an instance above the most there may be */
    unsigned twice;    /* an instance with two fields of one name */
};

/* One field into its place. */
static void place(struct collector *collector, unsigned instance, const struct header_field **at,
                  const struct header_field *field) {
    struct arc_chain *chain = collector->chain;
    if (*at != NULL && collector->twice == 0) collector->twice = instance;
    *at = field;
    if (instance > chain->newest) chain->newest = instance;
}

static bool is_placeable(struct collector *collector, unsigned instance) {
    if (instance == 0) collector->unnamed = true;
    if (instance > ARC_SETS_MAX) collector->too_high = instance;
    return instance > 0 && instance <= ARC_SETS_MAX;
}

static void collect_results(struct collector *collector, const struct header_field *field) {
    unsigned instance = arc_set_results_instance(field->body);
    if (!is_placeable(collector, instance)) return;
    place(collector, instance, &collector->chain->set[instance - 1].results, field);
}

static bool collect_message(struct collector *collector, const struct header_field *field) {
    struct dkim_signature signature;
    if (!dkim_signature_parse_kind(SIGNATURE_ARC_MESSAGE, field, collector->arena, &signature)) return false;
    if (!is_placeable(collector, signature.instance)) return true;
    struct arc_set *set = &collector->chain->set[signature.instance - 1];
    place(collector, signature.instance, &set->message, field);
    set->message_signature = signature;
    return true;
}

static bool collect_seal(struct collector *collector, const struct header_field *field) {
    struct dkim_signature signature;
    if (!dkim_signature_parse_kind(SIGNATURE_ARC_SEAL, field, collector->arena, &signature)) return false;
    if (!is_placeable(collector, signature.instance)) return true;
    struct arc_set *set = &collector->chain->set[signature.instance - 1];
    bool says_fail = set->seal != NULL && set->seal_signature.chain_validation == CHAIN_FAIL;
    place(collector, signature.instance, &set->seal, field);
    set->seal_signature = signature;
    if (says_fail) set->seal_signature.chain_validation = CHAIN_FAIL; /* of two seals, the one that says so */
    return true;
}

static bool collect_fields(struct collector *collector, const struct header_section *section) {
    for (const struct header_field *field = section->fields; field < section->fields + section->count; field++) {
        bool ok = true;
        if (span_is_nocase(field->name, results_name))
            collect_results(collector, field);
        else if (span_is_nocase(field->name, message_name))
            ok = collect_message(collector, field);
        else if (span_is_nocase(field->name, seal_name))
            ok = collect_seal(collector, field);
        if (!ok) return false;
    }
    return true;
}

static void fail(struct arc_chain *chain, enum arc_code code, unsigned instance) {
    if (chain->code != ARC_OK) return; /* the first thing wrong speaks */
    chain->code = code;
    chain->failed_set = instance;
}

/* Section 5.2: steps 1 and 2, then 3 A, B and C, then what the fields are in themselves. */
static void judge(const struct collector *collector) {
    struct arc_chain *chain = collector->chain;
    if (collector->too_high > 0) fail(chain, ARC_TOO_MANY_SETS, 0);
    if (chain->was_failed) fail(chain, ARC_CV, chain->newest);
    if (collector->unnamed) fail(chain, ARC_STRUCTURE, 0);
    if (collector->twice > 0) fail(chain, ARC_STRUCTURE, collector->twice);
    for (unsigned i = 1; i <= chain->newest; i++) {
        const struct arc_set *set = &chain->set[i - 1];
        if (set->results == NULL || set->message == NULL || set->seal == NULL) fail(chain, ARC_STRUCTURE, i);
    }
    for (unsigned i = chain->newest; i >= 1 && chain->code == ARC_OK; i--) {
        const struct dkim_signature *seal = &chain->set[i - 1].seal_signature;
        enum chain_validation wanted = i == 1 ? CHAIN_NONE : CHAIN_PASS;
        if (seal->chain_validation != CHAIN_UNSAID && seal->chain_validation != wanted) fail(chain, ARC_CV, i);
        if (seal->code != DKIM_OK) fail(chain, ARC_FIELD_SYNTAX, i);
    }
    if (chain->code == ARC_OK && chain->set[chain->newest - 1].message_signature.code != DKIM_OK)
        fail(chain, ARC_FIELD_SYNTAX, chain->newest);
}

bool arc_set_collect(const struct header_section *section, struct arena *arena, struct arc_chain *out) {
    struct collector collector = {.arena = arena, .chain = out};
    const char *const names[] = {results_name, message_name, seal_name};
    *out = (struct arc_chain){.code = ARC_NO_SETS};
    for (size_t i = 0; i < 3; i++) {
        unsigned count = (unsigned)header_section_count(section, names[i]);
        if (count > out->sets) out->sets = count;
    }
    if (out->sets == 0) return true;
    out->code = ARC_OK;
    out->set = arena_alloc(arena, ARC_SETS_MAX * sizeof *out->set); /* any instance may come first */
    if (out->set == NULL || !collect_fields(&collector, section)) return false;
    const struct arc_set *newest = out->newest > 0 ? &out->set[out->newest - 1] : NULL;
    out->was_failed = newest != NULL && newest->seal != NULL && newest->seal_signature.chain_validation == CHAIN_FAIL;
    judge(&collector);
    return true;
}
