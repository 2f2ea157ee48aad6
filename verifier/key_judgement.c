#include "verifier/key_judgement.h"
#include <stdio.h>
#include "base/ascii.h"
#include "base/base64.h"
#include "verifier/digest.h"

enum { GOOD_RSA_BITS = 2048, LEAST_RSA_BITS = 1024, SHOWN_FINGERPRINT = 8 };

const char *key_kind_word(enum key_kind kind) {
    static const char *const words[] = {[KEY_KIND_NONE] = "none", [KEY_KIND_TXT] = "txt", [KEY_KIND_CNAME] = "cname"};
    return words[kind];
}

const char *key_state_word(enum key_state state) {
    static const char *const words[] = {
        [KEY_STATE_SET] = "set",         [KEY_STATE_TO_SET] = "toSet",      [KEY_STATE_TO_FIX] = "toFix",
        [KEY_STATE_REVOKED] = "revoked", [KEY_STATE_UNUSABLE] = "unusable", [KEY_STATE_UNKNOWN] = NULL};
    return words[state];
}

/* --- what the record says ---------------------------------------------------------------------------------------- */

static struct span value_of(const struct tag_list *tags, const char *name) {
    const struct tag *tag = tag_list_find(tags, name);
    return tag != NULL ? tag->value : (struct span){NULL, 0};
}

static bool take_fingerprint(struct key_judgement *judgement, struct arena *arena) {
    struct span base64 = value_of(&judgement->tags, "p");
    size_t room = base64_decoded_max(base64.len), len = 0;
    uint8_t value[DIGEST_OCTETS], *octets = room > 0 ? arena_alloc(arena, room) : NULL;
    struct digest digest = {0};
    if (room == 0) return true;
    if (octets == NULL) return false;
    if (base64_decode(base64, BASE64_SPACE_SKIPPED, octets, room, &len) != BASE64_OK) return true;
    bool hashed = digest_init(&digest);
    if (hashed) {
        digest_begin(&digest);
        digest_update(&digest, (struct span){(const char *)octets, len});
        hashed = digest_end(&digest, value);
    }
    digest_release(&digest);
    for (size_t i = 0; hashed && i < DIGEST_OCTETS; i++) snprintf(judgement->fingerprint + 2 * i, 3, "%02x", value[i]);
    return hashed;
}

static bool describe_key(struct key_judgement *judgement, struct arena *arena) {
    const struct dkim_key *key = judgement->key;
    enum { TEXT_MAX = 40 };
    char *text = arena_alloc(arena, TEXT_MAX);
    if (text == NULL) return false;
    int len = snprintf(text, TEXT_MAX, "%s, %u bits", key_algorithm_word(key->algorithm), key->bits);
    struct finding *finding = finding_add(&judgement->findings, FINDING_KEY_READABLE);
    finding_add_text(finding, "text", (struct span){text, (size_t)len});
    finding_add_text(finding, "found", (struct span){judgement->fingerprint, SHOWN_FINGERPRINT});
    return true;
}

static void judge_version(struct key_judgement *judgement) {
    const struct tag *version = tag_list_find(&judgement->tags, "v");
    if (version == NULL) {
        finding_add(&judgement->findings, FINDING_NO_VERSION);
    } else if (version == &judgement->tags.tag[0] && !span_is(version->value, "DKIM1")) {
        size_t word = span_find(version->value, ' ');
        bool foreign = version->value.len < 4 || !span_is_nocase(span_first(version->value, 4), "DKIM");
        struct finding *finding =
            finding_add(&judgement->findings, foreign ? FINDING_FOREIGN_RECORD : FINDING_VERSION_VALUE);
        finding_add_text(finding, "found", span_first(version->value, word));
    } else if (version != &judgement->tags.tag[0]) {
        finding_add(&judgement->findings, FINDING_VERSION_PLACE);
    }
}

static void judge_tag_list(struct key_judgement *judgement) {
    struct tag_list list;
    size_t at;
    enum tag_list_status status = tag_list_parse(judgement->key->text, &list, &at);
    if (status == TAG_LIST_DUPLICATE) {
        struct span rest = span_after(judgement->key->text, at);
        struct finding *finding = finding_add(&judgement->findings, FINDING_DUPLICATE_TAG);
        finding_add_text(finding, "tag", span_trim(span_first(rest, span_find(rest, '='))));
    } else {
        finding_add_number(finding_add(&judgement->findings, FINDING_BAD_TAG_LIST), "position", at + 1);
    }
}

static void judge_size(struct key_judgement *judgement) {
    const struct dkim_key *key = judgement->key;
    if (key->algorithm == KEY_ED25519) {
        finding_add(&judgement->findings, FINDING_ED25519);
        return;
    }
    if (key->key != NULL && key->bits >= GOOD_RSA_BITS) return;
    enum finding_id id = key->key != NULL             ? FINDING_KEY_WEAK
                         : key->bits < LEAST_RSA_BITS ? FINDING_KEY_TOO_SMALL
                                                      : FINDING_KEY_TOO_LARGE;
    struct finding *finding = finding_add(&judgement->findings, id);
    finding_add_number(finding, "found", key->bits);
    finding_add_number(finding, "expected", GOOD_RSA_BITS);
}

static bool judge_status(struct key_judgement *judgement, struct arena *arena) {
    struct finding_list *findings = &judgement->findings;
    switch (judgement->key->status) {
    case DKIM_KEY_OK: return describe_key(judgement, arena);
    case DKIM_KEY_BAD_TAG_LIST: judge_tag_list(judgement); break;
    case DKIM_KEY_NO_P: finding_add(findings, FINDING_NO_KEY_TAG); break;
    case DKIM_KEY_EMPTY_P: finding_add(findings, FINDING_REVOKED); break;
    case DKIM_KEY_BAD_BASE64: finding_add(findings, FINDING_BAD_BASE64); break;
    case DKIM_KEY_UNKNOWN_TYPE:
        finding_add_text(finding_add(findings, FINDING_UNKNOWN_TYPE), "found", value_of(&judgement->tags, "k"));
        break;
    case DKIM_KEY_BAD_KEY: finding_add(findings, FINDING_KEY_UNREADABLE); break;
    case DKIM_KEY_BAD_SIZE:           /* told with the number of bits */
    case DKIM_KEY_BAD_VERSION: break; /* told with the version */
    default: return false;
    }
    return true;
}

static void judge_restrictions(struct key_judgement *judgement) {
    const struct dkim_key *key = judgement->key;
    struct finding_list *findings = &judgement->findings;
    if (!key->hash_sha256)
        finding_add_text(finding_add(findings, FINDING_NO_SHA256), "found", value_of(&judgement->tags, "h"));
    if (!key->service_email)
        finding_add_text(finding_add(findings, FINDING_NOT_FOR_EMAIL), "found", value_of(&judgement->tags, "s"));
    if (key->testing) finding_add(findings, FINDING_TESTING);
    const struct tag *granularity = tag_list_find(&judgement->tags, "g");
    if (granularity != NULL) finding_add_text(finding_add(findings, FINDING_GRANULARITY), "found", granularity->value);
    for (size_t i = 0; i < judgement->tags.count; i++) {
        struct span name = judgement->tags.tag[i].name;
        if (name.len == 1 && memchr("vghknpst", name.ptr[0], 8) != NULL) continue;
        finding_add_text(finding_add(findings, FINDING_UNKNOWN_TAG), "tag", name);
    }
}

static bool judge_record(struct key_judgement *judgement, struct arena *arena) {
    size_t at;
    if (tag_list_parse(judgement->key->text, &judgement->tags, &at) != TAG_LIST_OK)
        tag_list_salvage(judgement->key->text, &judgement->tags);
    if (!take_fingerprint(judgement, arena) || !judge_status(judgement, arena)) return false;
    judge_version(judgement);
    bool has_size = judgement->key->status == DKIM_KEY_OK || judgement->key->status == DKIM_KEY_BAD_SIZE;
    if (has_size) judge_size(judgement);
    judge_restrictions(judgement);
    return true;
}

static bool is_usable(const struct dkim_key *key) { return key->key != NULL && key->hash_sha256 && key->service_email; }

/* Of several records the first usable one speaks, else the first. */
static const struct dkim_key *speaking_record(const struct key_entry *entry) {
    for (size_t i = 0; i < entry->record_count; i++)
        if (is_usable(entry->record[i])) return entry->record[i];
    return entry->record_count > 0 ? entry->record[0] : NULL;
}

/* --- what DNS says ----------------------------------------------------------------------------------------------- */

static enum key_state judge_absence(struct key_judgement *judgement) {
    const struct key_entry *entry = judgement->entry;
    if (entry->cname_count > 0) {
        finding_add_text(finding_add(&judgement->findings, FINDING_CNAME_DANGLES), "found",
                         entry->cname[entry->cname_count - 1]);
        return KEY_STATE_TO_FIX;
    }
    enum finding_id id = entry->status == DNS_NXDOMAIN ? FINDING_KEY_ABSENT : FINDING_NO_TXT;
    finding_add_text(finding_add(&judgement->findings, id), "name", judgement->name);
    return KEY_STATE_TO_SET;
}

static enum key_state judge_failure(struct key_judgement *judgement) {
    enum finding_id id = judgement->entry->status == DNS_TIMEOUT    ? FINDING_DNS_TIMEOUT
                         : judgement->entry->status == DNS_SERVFAIL ? FINDING_DNS_SERVFAIL
                                                                    : FINDING_DNS_BOGUS;
    finding_add_text(finding_add(&judgement->findings, id), "name", judgement->name);
    return KEY_STATE_UNKNOWN;
}

static size_t common_prefix(struct span a, struct span b) {
    size_t len = 0;
    while (len < a.len && len < b.len && ascii_lower(a.ptr[len]) == ascii_lower(b.ptr[len])) len++;
    return len;
}

/* The alias that the owner of the domain was told to make; false: it is not there, or not so. */
static bool judge_alias(struct key_judgement *judgement, struct span expected) {
    const struct key_entry *entry = judgement->entry;
    bool is_missing = entry->cname_count == 0;
    if (!is_missing && span_equal_nocase(entry->cname[0], expected)) return true;
    struct finding *finding =
        finding_add(&judgement->findings, is_missing ? FINDING_CNAME_MISSING : FINDING_CNAME_WRONG);
    finding_add_text(finding, "selector", judgement->selector);
    finding_add_text(finding, "expected", expected);
    if (is_missing) {
        finding_add_text(finding, "name", judgement->name);
        judgement->state = KEY_STATE_TO_SET;
    } else {
        finding_add_text(finding, "found", entry->cname[0]);
        finding_add_number(finding, "position", common_prefix(entry->cname[0], expected) + 1);
        judgement->state = KEY_STATE_TO_FIX;
    }
    return false;
}

static bool judge_answer(struct key_judgement *judgement, struct arena *arena) {
    const struct key_entry *entry = judgement->entry;
    judgement->key = speaking_record(entry);
    if (judgement->key == NULL) {
        judgement->state = judge_absence(judgement);
        return true;
    }
    judgement->state = is_usable(judgement->key)                    ? KEY_STATE_SET
                       : judgement->key->status == DKIM_KEY_EMPTY_P ? KEY_STATE_REVOKED
                                                                    : KEY_STATE_UNUSABLE;
    if (entry->records_seen > 1) {
        struct finding *finding = finding_add(&judgement->findings, FINDING_SEVERAL_KEYS);
        finding_add_number(finding, "found", entry->records_seen);
        finding_add_text(finding, "name", judgement->name);
    }
    return judge_record(judgement, arena);
}

bool key_judge(const struct key_entry *entry, struct span selector, struct span name, struct span expected_cname,
               bool is_given, struct arena *arena, struct key_judgement *out) {
    *out = (struct key_judgement){.selector = selector, .name = name, .entry = entry, .is_given = is_given};
    bool answered = entry->status == DNS_FOUND || entry->status == DNS_NXDOMAIN || entry->status == DNS_NODATA;
    if (!answered) {
        out->state = judge_failure(out);
        return true;
    }
    if (entry->cname_count > 0)
        out->kind = KEY_KIND_CNAME;
    else if (entry->status == DNS_FOUND && entry->record_count > 0)
        out->kind = KEY_KIND_TXT;
    if (!judge_answer(out, arena)) return false;
    if (expected_cname.len > 0) judge_alias(out, expected_cname);
    return true;
}

/* --- the pair ---------------------------------------------------------------------------------------------------- */

static struct span first_label(struct span name) { return span_first(name, span_find(name, '.')); }

/* Each alias starts with the other selector's name. */
static bool is_swapped(const struct key_judgement *first, const struct key_judgement *second) {
    if (first->entry->cname_count == 0 || second->entry->cname_count == 0) return false;
    return span_equal_nocase(first_label(first->entry->cname[0]), first_label(second->name)) &&
           span_equal_nocase(first_label(second->entry->cname[0]), first_label(first->name)) &&
           !span_equal_nocase(first_label(first->name), first_label(second->name));
}

static unsigned code_of(const struct key_judgement *first, const struct key_judgement *second) {
    const enum key_state a = first->state, b = second->state;
    if (a == KEY_STATE_TO_FIX || b == KEY_STATE_TO_FIX) return 503;
    if ((a == KEY_STATE_SET && b == KEY_STATE_TO_SET) || (a == KEY_STATE_TO_SET && b == KEY_STATE_SET)) return 501;
    return a == KEY_STATE_TO_SET || b == KEY_STATE_TO_SET ? 504 : 0;
}

void key_judge_pair(const struct key_judgement *first, const struct key_judgement *second,
                    struct key_pair_judgement *out) {
    static const enum key_state weight[] = {/* of two states the pair has the graver */
                                            KEY_STATE_UNKNOWN,  KEY_STATE_TO_FIX,  KEY_STATE_TO_SET,
                                            KEY_STATE_UNUSABLE, KEY_STATE_REVOKED, KEY_STATE_SET};
    *out = (struct key_pair_judgement){.state = KEY_STATE_SET, .code = code_of(first, second)};
    for (size_t i = 0; i < sizeof weight / sizeof *weight; i++) {
        if (first->state != weight[i] && second->state != weight[i]) continue;
        out->state = weight[i];
        break;
    }
    if (out->code == 501) {
        const struct key_judgement *absent = first->state == KEY_STATE_SET ? second : first;
        finding_add_text(finding_add(&out->findings, FINDING_ONE_OF_TWO), "selector", absent->selector);
    }
    if (is_swapped(first, second)) {
        finding_add(&out->findings, FINDING_SWAPPED);
        out->state = KEY_STATE_TO_FIX;
        out->code = 503;
    }
    if (first->fingerprint[0] != '\0' &&
        memcmp(first->fingerprint, second->fingerprint, sizeof first->fingerprint) == 0)
        finding_add(&out->findings, FINDING_SAME_KEY);
}
