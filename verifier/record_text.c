#include "verifier/record_text.h"
#include <stdio.h>
#include "base/ascii.h"
#include "verifier/digest.h"

enum { SHOWN_WORD = 40 };

static struct span value_of(const struct tag_list *tags, const char *name) {
    const struct tag *tag = tag_list_find(tags, name);
    return tag != NULL ? tag->value : (struct span){NULL, 0};
}

/* --- mending, in thought ----------------------------------------------------------------------------------------- */

static bool is_dress(char c) { return c == '"' || c == '\\'; }

static bool has_dress(struct span text) {
    for (size_t i = 0; i < text.len; i++)
        if (is_dress(text.ptr[i])) return true;
    return false;
}

static bool is_known_tag(char c) { return c != '\0' && strchr("vghknpst", c) != NULL; }

/* Offset in spec, one tag and its value, of another known tag that stands there without a semicolon before it:
 * "v=DKIM1 k=rsa"; spec.len when there is none. In n= anything may stand. */
static size_t find_joined_tag(struct span spec) {
    size_t equals = span_find(spec, '=');
    struct span name = span_trim(span_first(spec, equals));
    bool is_version = span_is(name, "v");
    if (span_is(name, "n")) return spec.len;
    for (size_t i = equals + 2; i + 2 < spec.len; i++) {
        bool starts = ascii_is_space(spec.ptr[i - 1]) || (is_version && spec.ptr[i - 1] == '1');
        char next = spec.ptr[i + 2];
        if (starts && is_known_tag(spec.ptr[i]) && spec.ptr[i + 1] == '=' && next != '=' && !ascii_is_space(next))
            return i;
    }
    return spec.len;
}

/* The text without what a panel or a zone file left in it, with a semicolon before each tag that lacks it. */
static bool mend(struct span text, struct arena *arena, struct span *out) {
    struct bytes bare = bytes_with_cap(2 * text.len + 1), whole = bytes_with_cap(4 * text.len + 2);
    for (size_t i = 0; i < text.len; i++)
        if (!is_dress(text.ptr[i])) bytes_append_char(&bare, text.ptr[i]);
    struct span rest = bytes_span(&bare);
    while (rest.len > 0) {
        struct span spec = span_first(rest, span_find(rest, ';'));
        size_t joined = find_joined_tag(spec);
        if (joined < spec.len) {
            bytes_append(&whole, span_first(rest, joined));
            bytes_append_char(&whole, ';');
            rest = span_after(rest, joined);
        } else {
            size_t len = spec.len < rest.len ? spec.len + 1 : spec.len;
            bytes_append(&whole, span_first(rest, len));
            rest = span_after(rest, len);
        }
    }
    bool good = !bare.failed && !whole.failed;
    if (good && !span_equal(bytes_span(&whole), text)) {
        *out = arena_copy(arena, bytes_span(&whole));
        good = out->len == whole.len;
    }
    bytes_release(&bare);
    bytes_release(&whole);
    return good;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static bool contains(struct span text, const char *word) {
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.ptr + i, word, len) == 0) return true;
    return false;
}

/* Does it begin with DKIM, in any case and with blanks anywhere? */
static bool names_dkim(struct span version) {
    static const char word[] = "DKIM";
    size_t matched = 0;
    for (size_t i = 0; i < version.len && matched < sizeof word - 1; i++) {
        if (ascii_is_space(version.ptr[i])) continue;
        if (ascii_upper(version.ptr[i]) != word[matched++]) return false;
    }
    return matched == sizeof word - 1;
}

static bool is_foreign(const struct record_text *record) {
    const struct tag *version = tag_list_find(&record->tags, "v");
    if (version != NULL && names_dkim(version->value)) return false;
    if (version != NULL && version == &record->tags.tag[0]) return true;
    return tag_list_find(&record->tags, "p") == NULL && !contains(record->text, "DKIM1") &&
           !contains(record->text, "BEGIN");
}

static bool take_fingerprint(struct record_text *record, struct arena *arena) {
    struct span octets;
    struct digest digest = {0};
    uint8_t value[DIGEST_OCTETS];
    if (!record_key_decode(value_of(&record->tags, "p"), arena, &octets)) return false;
    if (octets.len == 0) return true;
    bool hashed = digest_init(&digest);
    if (hashed) {
        digest_begin(&digest);
        digest_update(&digest, octets);
        hashed = digest_end(&digest, value);
    }
    digest_release(&digest);
    for (size_t i = 0; hashed && i < DIGEST_OCTETS; i++) snprintf(record->fingerprint + 2 * i, 3, "%02x", value[i]);
    return hashed;
}

bool record_text_read(struct span text, struct span strings, struct arena *arena, struct record_text *out) {
    *out = (struct record_text){.text = text, .strings = strings, .mended = text};
    enum dkim_key_status status = dkim_key_parse(text, arena, &out->key);
    out->usable = out->key.key != NULL && out->key.hash_sha256 && out->key.service_email;
    dkim_key_release(&out->key);
    if (status == DKIM_KEY_OUT_OF_MEMORY || !mend(text, arena, &out->mended)) return false;
    tag_list_salvage(out->mended, &out->tags);
    out->foreign = is_foreign(out);
    return take_fingerprint(out, arena);
}

/* --- judging ----------------------------------------------------------------------------------------------------- */

static void add_text(struct finding_list *findings, enum finding_id id, const char *name, struct span text) {
    finding_add_text(finding_add(findings, id), name, text);
}

static void judge_version(const struct record_text *record, struct finding_list *findings) {
    const struct tag *version = tag_list_find(&record->tags, "v");
    struct tag_list published;
    tag_list_salvage(record->text, &published);
    if (version == NULL) {
        finding_add(findings, FINDING_NO_VERSION);
    } else if (version != &record->tags.tag[0]) {
        finding_add(findings, FINDING_VERSION_PLACE);
    } else if (!span_is(version->value, "DKIM1") || contains(value_of(&published, "v"), "\"DKIM1")) {
        struct span found = contains(value_of(&published, "v"), "\"") ? value_of(&published, "v") : version->value;
        add_text(findings, FINDING_VERSION_VALUE, "found", found);
    } else {
        finding_add(findings, FINDING_VERSION_RIGHT);
    }
}

/* "spf1" of v=spf1, "google-site-verification" of google-site-verification=x. */
static struct span kind_of(const struct record_text *record) {
    const struct tag *version = tag_list_find(&record->tags, "v");
    struct span text = version != NULL ? version->value : span_trim(record->text);
    size_t len = 0;
    while (len < text.len && len < SHOWN_WORD && ascii_is_graph(text.ptr[len]) && text.ptr[len] != '=' &&
           text.ptr[len] != ';')
        len++;
    return len > 0 ? span_first(text, len) : span_of("?");
}

static void judge_semicolons(const struct record_text *record, struct finding_list *findings) {
    for (struct span rest = record->text; rest.len > 0;) {
        struct span spec = span_first(rest, span_find(rest, ';'));
        size_t joined = find_joined_tag(spec);
        if (joined < spec.len) {
            add_text(findings, FINDING_MISSING_SEMICOLON, "tag", span_first(span_after(spec, joined), 1));
            rest = span_after(rest, joined);
        } else {
            rest = span_after(rest, spec.len < rest.len ? spec.len + 1 : spec.len);
        }
    }
}

static void judge_tag_list(const struct record_text *record, struct finding_list *findings) {
    struct tag_list list;
    size_t at;
    enum tag_list_status status = tag_list_parse(record->mended, &list, &at);
    if (status == TAG_LIST_OK) return;
    if (status == TAG_LIST_DUPLICATE) {
        struct span rest = span_after(record->mended, at);
        add_text(findings, FINDING_DUPLICATE_TAG, "tag", span_trim(span_first(rest, span_find(rest, '='))));
    } else {
        finding_add_number(finding_add(findings, FINDING_BAD_TAG_LIST), "position", at + 1);
    }
}

/* Takes the next of a colon-separated list of words off *rest. */
static bool take_word(struct span *rest, struct span *word) {
    if (rest->ptr == NULL) return false;
    size_t colon = span_find(*rest, ':');
    *word = span_trim(span_first(*rest, colon));
    *rest = colon < rest->len ? span_after(*rest, colon + 1) : (struct span){NULL, 0};
    return true;
}

static void judge_flags(const struct record_text *record, struct finding_list *findings) {
    struct span flags = value_of(&record->tags, "t"), word;
    if (record->key.testing) finding_add(findings, FINDING_TESTING);
    while (take_word(&flags, &word))
        if (word.len > 0 && !span_is(word, "y") && !span_is(word, "s"))
            add_text(findings, FINDING_UNKNOWN_FLAG, "found", word);
}

static void judge_hashes(const struct record_text *record, struct finding_list *findings) {
    const struct tag *hashes = tag_list_find(&record->tags, "h");
    if (hashes == NULL) return;
    if (!record->key.hash_sha256) add_text(findings, FINDING_NO_SHA256, "found", hashes->value);
    if (record->key.hash_sha1) finding_add(findings, FINDING_SHA1);
}

static void judge_restrictions(const struct record_text *record, struct finding_list *findings) {
    const struct tag *granularity = tag_list_find(&record->tags, "g"), *note = tag_list_find(&record->tags, "n");
    judge_hashes(record, findings);
    if (!record->key.service_email) add_text(findings, FINDING_NOT_FOR_EMAIL, "found", value_of(&record->tags, "s"));
    judge_flags(record, findings);
    if (granularity != NULL && granularity->value.len > 0)
        add_text(findings, FINDING_GRANULARITY, "found", granularity->value);
    else if (granularity != NULL)
        finding_add(findings, FINDING_GRANULARITY_EMPTY);
    if (note != NULL) add_text(findings, FINDING_NOTE, "text", note->value);
    for (size_t i = 0; i < record->tags.count; i++) {
        struct span name = record->tags.tag[i].name;
        if (name.len != 1 || !is_known_tag(name.ptr[0])) add_text(findings, FINDING_UNKNOWN_TAG, "tag", name);
    }
}

/* Where the strings meet: a blank there is easily lost or added. */
static void judge_strings(const struct record_text *record, struct finding_list *findings) {
    size_t at = 0, blanks = 0;
    if (record->strings.len < 2) return;
    struct finding *joined = finding_add(findings, FINDING_STRINGS);
    finding_add_number(joined, "found", record->strings.len);
    finding_add_number(joined, "octets", record->text.len);
    for (size_t i = 0; i + 1 < record->strings.len; i++) {
        at += (uint8_t)record->strings.ptr[i];
        if (at == 0 || at >= record->text.len) continue;
        struct span before = span_first(record->text, at);
        size_t semicolon = at; /* a seam right behind a semicolon is no cut inside a value */
        while (semicolon > 0 && ascii_is_space(before.ptr[semicolon - 1])) semicolon--;
        bool inside = semicolon > 0 && before.ptr[semicolon - 1] != ';';
        blanks += inside && (ascii_is_space(record->text.ptr[at - 1]) || ascii_is_space(record->text.ptr[at]));
    }
    if (blanks > 0)
        finding_add(findings, record->key.status == DKIM_KEY_OK ? FINDING_SEAM_READABLE : FINDING_SEAM_UNREADABLE);
}

bool record_text_judge(const struct record_text *record, struct arena *arena, struct finding_list *findings) {
    if (record->foreign) {
        add_text(findings, FINDING_FOREIGN_RECORD, "found", kind_of(record));
        return true;
    }
    judge_strings(record, findings);
    if (has_dress(record->text)) finding_add(findings, FINDING_QUOTES);
    judge_semicolons(record, findings);
    judge_tag_list(record, findings);
    judge_version(record, findings);
    if (!record_key_judge(record, arena, findings)) return false;
    judge_restrictions(record, findings);
    return true;
}
