#include "verifier/record_signature.h"
#include "base/ascii.h"

static struct span value_of(const struct tag_list *tags, const char *name) {
    const struct tag *tag = tag_list_find(tags, name);
    return tag != NULL ? tag->value : (struct span){NULL, 0};
}

/* "@" and the domain. */
static struct span default_auid(struct span domain, struct arena *arena) {
    char *text = arena_alloc(arena, domain.len + 1);
    if (text == NULL) return (struct span){NULL, 0};
    text[0] = '@';
    memcpy(text + 1, domain.ptr, domain.len);
    return (struct span){text, domain.len + 1};
}

bool record_signature_read(struct span body, struct arena *arena, struct record_signature *out) {
    struct tag_list tags;
    tag_list_salvage(body, &tags);
    *out = (struct record_signature){.domain = value_of(&tags, "d"),
                                     .selector = value_of(&tags, "s"),
                                     .auid = value_of(&tags, "i"),
                                     .algorithm = value_of(&tags, "a")};
    if (out->domain.len == 0 || out->selector.len == 0) return false;
    if (out->auid.len == 0) out->auid = default_auid(out->domain, arena);
    return out->auid.len > 0;
}

/* Is word one of the colon-separated words of list? */
static bool lists(struct span list, struct span word) {
    for (;;) {
        size_t colon = span_find(list, ':');
        if (span_equal(span_trim(span_first(list, colon)), word)) return true;
        if (colon == list.len) return false;
        list = span_after(list, colon + 1);
    }
}

static void judge_algorithm(const struct record_signature *signature, const struct record_text *record,
                            struct finding_list *findings) {
    size_t dash = span_find(signature->algorithm, '-');
    if (dash == signature->algorithm.len) return;
    struct span type = span_first(signature->algorithm, dash), hash = span_after(signature->algorithm, dash + 1);
    const struct tag *hashes = tag_list_find(&record->tags, "h"), *key_type = tag_list_find(&record->tags, "k");
    struct span published = key_type != NULL ? key_type->value : span_of("rsa");
    if (hashes != NULL && !lists(hashes->value, hash))
        finding_add_text(finding_add(findings, FINDING_HASH_FORBIDDEN), "found", hash);
    if (span_equal_nocase(type, published)) return;
    struct finding *finding = finding_add(findings, FINDING_TYPE_MISMATCH);
    finding_add_text(finding, "found", signature->algorithm);
    finding_add_text(finding, "expected", published);
}

/* RFC 4871 section 3.6.1: one * at most stands for any octets. */
static bool matches(struct span pattern, struct span local_part) {
    size_t star = span_find(pattern, '*');
    if (star == pattern.len) return span_equal(pattern, local_part);
    struct span start = span_first(pattern, star), end = span_after(pattern, star + 1);
    return local_part.len >= start.len + end.len && span_equal(span_first(local_part, start.len), start) &&
           span_equal(span_after(local_part, local_part.len - end.len), end);
}

void record_signature_judge(const struct record_signature *signature, const struct record_text *record,
                            struct finding_list *findings) {
    const struct tag *granularity = tag_list_find(&record->tags, "g");
    size_t at = span_find(signature->auid, '@');
    struct span local_part = span_first(signature->auid, at);
    struct span host = at < signature->auid.len ? span_after(signature->auid, at + 1) : signature->auid;
    judge_algorithm(signature, record, findings);
    if (granularity != NULL && !matches(granularity->value, local_part)) {
        struct finding *finding = finding_add(findings, FINDING_GRANULARITY_ADDRESS);
        finding_add_text(finding, "text", signature->auid);
        finding_add_text(finding, "found", granularity->value);
    }
    if (!record->key.strict_identity) return;
    if (span_equal_nocase(host, signature->domain)) {
        finding_add(findings, FINDING_STRICT_MET);
    } else {
        struct finding *finding = finding_add(findings, FINDING_STRICT_BROKEN);
        finding_add_text(finding, "found", signature->auid);
        finding_add_text(finding, "expected", signature->domain);
    }
}
