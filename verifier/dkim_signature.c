#include "verifier/dkim_signature.h"
#include "base/ascii.h"
#include "base/base64.h"
#include "base/utf8.h"
#include "verifier/domain_name.h"
#include "verifier/tag_list.h"

enum {
    SHA256_OCTETS = 32,
    TIME_DIGITS_MAX = 12,       /* section 3.5: t= and x= */
    BODY_LIMIT_DIGITS_MAX = 76, /* l= */
    INSTANCE_DIGITS_MAX = 4,    /* RFC 8617 section 4.2.1 has two: more are a number too large, not a broken field */
};

struct reader {
    enum signature_kind kind;
    struct arena *arena;
    struct dkim_signature *out;
    enum dkim_code algorithm_code; /* told last */
    bool spent;                    /* the arena had no room */
};

/* The first thing wrong speaks. */
static void note(struct dkim_signature *out, enum dkim_code code, const char *detail) {
    if (code == DKIM_OK || out->code != DKIM_OK) return;
    out->code = code;
    out->detail = span_of(detail);
}

/* Cuts the next element off *rest at separator and trims it; false when there was none left. An empty *rest is one
 * empty element: the caller starts with rest->ptr set and this function ends with it NULL. */
static bool take_element(struct span *rest, char separator, struct span *element) {
    if (rest->ptr == NULL) return false;
    size_t len = span_find(*rest, separator);
    *element = span_trim(span_first(*rest, len));
    *rest = len < rest->len ? span_after(*rest, len + 1) : (struct span){NULL, 0};
    return true;
}

static struct span without_space(struct reader *reader, struct span text) {
    char *out = arena_alloc(reader->arena, text.len);
    if (out == NULL) return reader->spent = true, (struct span){NULL, 0};
    size_t len = 0;
    while (text.len > 0) {
        bool whole = text.len >= 8 && ascii_are_graph(text.ptr); /* nearly everywhere */
        if (whole) memcpy(out + len, text.ptr, 8);
        else out[len] = *text.ptr;
        len += whole ? 8 : !ascii_is_space(*text.ptr);
        text = span_after(text, whole ? 8 : 1);
    }
    return (struct span){out, len};
}

static struct span copy(struct reader *reader, const char *text, size_t len) {
    struct span copied = arena_copy(reader->arena, (struct span){text, len});
    if (copied.ptr == NULL) reader->spent = true;
    return copied;
}

/* The rows of the table below: each reads one value, not empty where the tag is required, into reader->out and says
 * what is wrong with it. */

static enum dkim_code read_version(struct reader *reader, const struct tag *tag) {
    (void)reader;
    return span_is(tag->value, "1") ? DKIM_OK : DKIM_SIG_VERSION;
}

static enum dkim_code read_algorithm(struct reader *reader, const struct tag *tag) {
    static const struct {
        const char *name;
        enum key_algorithm key;
        enum dkim_code code;
    } algorithms[] = {
        {"rsa-sha256", KEY_RSA, DKIM_OK},         /* section 3.3.2 */
        {"ed25519-sha256", KEY_ED25519, DKIM_OK}, /* RFC 8463 */
        {"rsa-sha1", KEY_RSA, DKIM_SIG_SHA1},     /* RFC 8301 */
    };
    reader->out->algorithm = tag->value;
    reader->algorithm_code = DKIM_SIG_ALGORITHM;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (span_is_nocase(tag->value, algorithms[i].name)) {
            reader->out->key_algorithm = algorithms[i].key;
            reader->algorithm_code = algorithms[i].code;
        }
    reader->out->sha1 = reader->algorithm_code == DKIM_SIG_SHA1;
    return DKIM_OK;
}

static bool read_canonicalization_word(struct span word, enum canonicalization *out) {
    *out = span_is_nocase(word, "relaxed") ? CANON_RELAXED : CANON_SIMPLE;
    return *out == CANON_RELAXED || span_is_nocase(word, "simple");
}

static enum dkim_code read_canonicalization(struct reader *reader, const struct tag *tag) {
    size_t slash = span_find(tag->value, '/');
    struct span body = slash < tag->value.len ? span_after(tag->value, slash + 1) : span_of("simple");
    bool header_known = read_canonicalization_word(span_first(tag->value, slash), &reader->out->header_canon);
    bool body_known = read_canonicalization_word(body, &reader->out->body_canon);
    return header_known && body_known ? DKIM_OK : DKIM_SIG_CANONICALIZATION;
}

static enum dkim_code read_query_methods(struct reader *reader, const struct tag *tag) {
    (void)reader;
    for (struct span rest = tag->value, method; take_element(&rest, ':', &method);)
        if (span_is_nocase(method, "dns/txt")) return DKIM_OK;
    return DKIM_SIG_QUERY_METHOD;
}

/* RFC 6376 has no final dot in its domain names, and a name with one would not be the same octets in the key's name. */
static size_t write_name(struct span name, bool need_dot, char out[DOMAIN_NAME_MAX]) {
    bool final_dot = name.len > 0 && name.ptr[name.len - 1] == '.';
    return final_dot ? 0 : domain_name_write(name, need_dot, out);
}

static enum dkim_code read_domain(struct reader *reader, const struct tag *tag) {
    char ascii[DOMAIN_NAME_MAX];
    reader->out->domain = tag->value;
    size_t len = write_name(tag->value, true, ascii);
    if (len == 0) return DKIM_SIG_DOMAIN;
    reader->out->domain_ascii = copy(reader, ascii, len);
    return DKIM_OK;
}

/* Comes after d=, for the key's name. */
static enum dkim_code read_selector(struct reader *reader, const struct tag *tag) {
    static const char between[] = "._domainkey.";
    char ascii[DOMAIN_NAME_MAX + sizeof between + DOMAIN_NAME_MAX];
    struct span domain = reader->out->domain_ascii;
    reader->out->selector = tag->value;
    size_t len = write_name(tag->value, false, ascii);
    if (len == 0) return DKIM_SIG_DOMAIN;
    if (domain.len == 0) return DKIM_OK; /* d= has been found wrong */
    memcpy(ascii + len, between, sizeof between - 1);
    len += sizeof between - 1;
    memcpy(ascii + len, domain.ptr, domain.len);
    len += domain.len;
    if (len > DOMAIN_NAME_MAX) return DKIM_SIG_DOMAIN;
    reader->out->key_name = copy(reader, ascii, len);
    return DKIM_OK;
}

/* dkim-quoted-printable (section 2.11): white space means nothing, =XX is an octet. False: a = without two digits. */
static bool decode_quoted_printable(struct reader *reader, struct span text, struct span *out) {
    char *decoded = arena_alloc(reader->arena, text.len);
    *out = (struct span){decoded, 0};
    if (decoded == NULL) return reader->spent = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (ascii_is_space(c)) continue;
        if (c == '=') {
            int high = text.len - i > 2 ? ascii_hex_value(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? ascii_hex_value(text.ptr[i + 2]) : -1;
            if (low < 0) return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        decoded[out->len++] = c;
    }
    return true;
}

static bool is_local_part(struct span text) { /* any, but for control octets and what is not UTF-8 */
    while (text.len > 0) {
        size_t len = utf8_sequence(text);
        if (len == 0 || ascii_is_control(text.ptr[0])) return false;
        text = span_after(text, len);
    }
    return true;
}

static size_t find_last(struct span text, char c) { /* text.len when there is none */
    for (size_t i = text.len; i > 0; i--)
        if (text.ptr[i - 1] == c) return i - 1;
    return text.len;
}

/* Comes after d=. The last @ ends the local part: one inside a quoted local part is no end. */
static enum dkim_code read_auid(struct reader *reader, const struct tag *tag) {
    char ascii[DOMAIN_NAME_MAX];
    struct span auid;
    if (!decode_quoted_printable(reader, tag->value, &auid)) return DKIM_SIG_SYNTAX;
    size_t at = find_last(auid, '@');
    if (at == auid.len || !is_local_part(span_first(auid, at))) return DKIM_SIG_SYNTAX;
    size_t len = write_name(span_after(auid, at + 1), true, ascii);
    if (len == 0) return DKIM_SIG_DOMAIN;
    reader->out->auid = auid;
    reader->out->auid_domain_ascii = copy(reader, ascii, len);
    if (reader->out->domain_ascii.len == 0) return DKIM_OK; /* d= has been found wrong */
    bool within = domain_name_is_within(reader->out->auid_domain_ascii, reader->out->domain_ascii);
    return within ? DKIM_OK : DKIM_SIG_IDENTITY;
}

static bool read_digits(struct span text, size_t digits_max, uint64_t *out) {
    if (text.len == 0 || text.len > digits_max) return false;
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i])) return false;
        uint64_t digit = (uint64_t)(text.ptr[i] - '0');
        *out = *out > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *out * 10 + digit; /* stays at the most once there */
    }
    return true;
}

static enum dkim_code read_timestamp(struct reader *reader, const struct tag *tag) {
    uint64_t seconds;
    if (!read_digits(tag->value, TIME_DIGITS_MAX, &seconds)) return DKIM_SIG_SYNTAX;
    reader->out->has_timestamp = true;
    reader->out->timestamp_s = (int64_t)seconds;
    return DKIM_OK;
}

static enum dkim_code read_expiration(struct reader *reader, const struct tag *tag) {
    uint64_t seconds;
    if (!read_digits(tag->value, TIME_DIGITS_MAX, &seconds)) return DKIM_SIG_SYNTAX;
    reader->out->has_expiration = true;
    reader->out->expiration_s = (int64_t)seconds;
    return DKIM_OK;
}

static enum dkim_code read_body_limit(struct reader *reader, const struct tag *tag) {
    reader->out->has_body_limit = read_digits(tag->value, BODY_LIMIT_DIGITS_MAX, &reader->out->body_limit);
    return reader->out->has_body_limit ? DKIM_OK : DKIM_SIG_SYNTAX;
}

static bool is_field_name(struct span text) { return text.len > 0 && span_is_graph(text); }

static enum dkim_code read_signed_names(struct reader *reader, const struct tag *tag) {
    struct dkim_signature *out = reader->out;
    size_t room = 1;
    if (tag->value.len == 0) return DKIM_OK; /* of an ARC-Message-Signature: nothing but the body is signed */
    for (size_t i = 0; i < tag->value.len; i++) room += tag->value.ptr[i] == ':';
    if (room > SIGNED_NAMES_MAX) return DKIM_SIG_SYNTAX;
    out->signed_names = arena_alloc(reader->arena, room * sizeof *out->signed_names);
    if (out->signed_names == NULL) return reader->spent = true, DKIM_OK;
    for (struct span rest = tag->value, name; take_element(&rest, ':', &name);) {
        if (!is_field_name(name)) return DKIM_SIG_SYNTAX;
        if (reader->kind == SIGNATURE_ARC_MESSAGE && span_is_nocase(name, "ARC-Seal")) return DKIM_SIG_SYNTAX; /* 4.1.2 */
        out->signed_names[out->signed_count++] = name;
    }
    return DKIM_OK;
}

static enum dkim_code decode_base64(struct reader *reader, struct span text, struct span *out) {
    size_t room = base64_decoded_max(text.len), len;
    uint8_t *octets = arena_alloc(reader->arena, room);
    if (octets == NULL) return reader->spent = true, DKIM_OK;
    if (base64_decode(text, BASE64_SPACE_SKIPPED, octets, room, &len) != BASE64_OK || len == 0) return DKIM_SIG_SYNTAX;
    *out = (struct span){(const char *)octets, len};
    return DKIM_OK;
}

/* Comes after a=: how long a hash is that we do not know is not ours to say. */
static enum dkim_code read_body_hash(struct reader *reader, const struct tag *tag) {
    struct dkim_signature *out = reader->out;
    enum dkim_code code = decode_base64(reader, tag->value, &out->body_hash);
    bool is_sha256 = out->key_algorithm != KEY_ALGORITHM_UNKNOWN && !out->sha1;
    if (code == DKIM_OK && is_sha256 && out->body_hash.len != SHA256_OCTETS && !reader->spent) return DKIM_SIG_SYNTAX;
    return code;
}

static enum dkim_code read_signature(struct reader *reader, const struct tag *tag) {
    reader->out->signature_value = tag->raw_value;
    reader->out->signature_text = without_space(reader, tag->value);
    if (reader->spent) return DKIM_OK;
    return decode_base64(reader, reader->out->signature_text, &reader->out->signature); /* in one piece, without folds */
}

static enum dkim_code read_instance(struct reader *reader, const struct tag *tag) {
    uint64_t instance;
    if (!read_digits(tag->value, INSTANCE_DIGITS_MAX, &instance) || instance == 0) return DKIM_SIG_SYNTAX;
    reader->out->instance = (unsigned)instance;
    return DKIM_OK;
}

static enum dkim_code read_chain_validation(struct reader *reader, const struct tag *tag) {
    static const char *const words[] = {[CHAIN_NONE] = "none", [CHAIN_PASS] = "pass", [CHAIN_FAIL] = "fail"};
    for (enum chain_validation cv = CHAIN_NONE; cv <= CHAIN_FAIL; cv++)
        if (span_is_nocase(tag->value, words[cv])) reader->out->chain_validation = cv;
    return reader->out->chain_validation != CHAIN_UNSAID ? DKIM_OK : DKIM_SIG_SYNTAX;
}

static enum dkim_code refuse(struct reader *reader, const struct tag *tag) {
    (void)reader, (void)tag;
    return DKIM_SIG_SYNTAX;
}

/* What a tag is to one kind of field. */
enum need {
    UNUSED,   /* means nothing: ignored like any unknown tag */
    OPTIONAL,
    PRESENT,  /* must be there, may be empty */
    REQUIRED, /* must be there; empty is as good as absent (section 3.5) */
};

static const struct rule {
    struct span name;
    const char *detail;
    enum need need[SIGNATURE_KIND_COUNT]; /* DKIM-Signature, ARC-Message-Signature, ARC-Seal */
    enum dkim_code (*read)(struct reader *reader, const struct tag *tag);
} rules[] = {
    /* in the order in which what is wrong is told; a=, needed by bh=, tells at the end */
    {{"v", 1}, "v=", {REQUIRED, UNUSED, UNUSED}, read_version},
    {{"i", 1}, "i=", {UNUSED, REQUIRED, REQUIRED}, read_instance},
    {{"cv", 2}, "cv=", {UNUSED, UNUSED, REQUIRED}, read_chain_validation},
    {{"a", 1}, "a=", {REQUIRED, REQUIRED, REQUIRED}, read_algorithm},
    {{"c", 1}, "c=", {OPTIONAL, OPTIONAL, UNUSED}, read_canonicalization},
    {{"q", 1}, "q=", {OPTIONAL, OPTIONAL, UNUSED}, read_query_methods},
    {{"d", 1}, "d=", {REQUIRED, REQUIRED, REQUIRED}, read_domain},
    {{"s", 1}, "s=", {REQUIRED, REQUIRED, REQUIRED}, read_selector},
    {{"i", 1}, "i=", {OPTIONAL, UNUSED, UNUSED}, read_auid},
    {{"t", 1}, "t=", {OPTIONAL, OPTIONAL, OPTIONAL}, read_timestamp},
    {{"x", 1}, "x=", {OPTIONAL, OPTIONAL, UNUSED}, read_expiration},
    {{"l", 1}, "l=", {OPTIONAL, OPTIONAL, UNUSED}, read_body_limit},
    {{"h", 1}, "h=", {REQUIRED, PRESENT, UNUSED}, read_signed_names},
    {{"h", 1}, "h=", {UNUSED, UNUSED, OPTIONAL}, refuse}, /* RFC 8617 section 4.1.3: a seal with h= ends the chain */
    {{"bh", 2}, "bh=", {REQUIRED, REQUIRED, UNUSED}, read_body_hash},
    {{"b", 1}, "b=", {REQUIRED, REQUIRED, REQUIRED}, read_signature},
};
enum { RULE_COUNT = sizeof rules / sizeof *rules };

/* The tag that rule is to read, NULL when there is none. */
static const struct tag *find_tag(struct reader *reader, const struct tag_list *list, const struct rule *rule) {
    enum need need = rule->need[reader->kind];
    const struct tag *tag = need != UNUSED ? tag_list_find_name(list, rule->name) : NULL;
    if (need == REQUIRED && tag != NULL && tag->value.len == 0) tag = NULL;
    if (need >= PRESENT && tag == NULL) note(reader->out, DKIM_SIG_MISSING_TAG, rule->detail);
    return tag;
}

static void read_tags(struct reader *reader, const struct tag_list *list) {
    const struct tag *tags[RULE_COUNT];
    for (size_t i = 0; i < RULE_COUNT; i++) tags[i] = find_tag(reader, list, &rules[i]);
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (tags[i] != NULL) note(reader->out, rules[i].read(reader, tags[i]), rules[i].detail);
}

/* What no tag says alone. */
static void judge_whole(struct reader *reader) {
    struct dkim_signature *out = reader->out;
    bool from_signed = false;
    for (size_t i = 0; i < out->signed_count; i++) from_signed |= span_is_nocase(out->signed_names[i], "From");
    if (!from_signed && reader->kind == SIGNATURE_DKIM) note(out, DKIM_SIG_FROM_UNSIGNED, "h=");
    if (out->has_timestamp && out->has_expiration && out->expiration_s <= out->timestamp_s)
        note(out, DKIM_SIG_EXPIRES_BEFORE_SIGNED, "x=");
    note(out, reader->algorithm_code, "a=");
}

/* Section 3.5: without i= it is "@" and d=. */
static void default_auid(struct reader *reader) {
    struct dkim_signature *out = reader->out;
    if (out->auid.len > 0 || out->domain.len == 0) return;
    char *auid = arena_alloc(reader->arena, 1 + out->domain.len);
    if (auid == NULL) {
        reader->spent = true;
        return;
    }
    auid[0] = '@';
    memcpy(auid + 1, out->domain.ptr, out->domain.len);
    out->auid = (struct span){auid, 1 + out->domain.len};
    out->auid_domain_ascii = out->domain_ascii;
}

/* header_section leaves a CR or LF that ends no line in the field as content; no tag-list has room for it. */
static bool has_bare_line_end(struct span text) {
    for (;;) { /* the first CR of each line has to be the one before its LF */
        size_t lf = span_find(text, '\n'), cr = span_find(span_first(text, lf), '\r');
        if (lf == text.len) return cr < lf;
        if (cr + 1 != lf) return true;
        text = span_after(text, lf + 1);
    }
}

bool dkim_signature_parse_kind(enum signature_kind kind, const struct header_field *field, struct arena *arena,
                               struct dkim_signature *out) {
    struct reader reader = {.kind = kind, .arena = arena, .out = out};
    struct tag_list list;
    size_t error_at;
    *out = (struct dkim_signature){.code = DKIM_OK};
    /* A seal is relaxed, without a choice (RFC 8617 section 5.1.1). An ARC-Message-Signature without c= would be simple by the
     * letter of RFC 6376, but the public test suite and most verifiers take it as relaxed. */
    if (kind != SIGNATURE_DKIM) out->header_canon = out->body_canon = CANON_RELAXED;
    if (has_bare_line_end(field->body)) note(out, DKIM_SIG_SYNTAX, "bare CR or LF");
    enum tag_list_status status = tag_list_parse(field->body, &list, &error_at);
    if (status != TAG_LIST_OK) {
        note(out, status == TAG_LIST_DUPLICATE ? DKIM_SIG_DUPLICATE_TAG : DKIM_SIG_SYNTAX,
             tag_list_status_text(status));
        tag_list_salvage(field->body, &list);
    }
    read_tags(&reader, &list);
    default_auid(&reader);
    judge_whole(&reader);
    return !reader.spent;
}

bool dkim_signature_parse(const struct header_field *field, struct arena *arena, struct dkim_signature *out) {
    return dkim_signature_parse_kind(SIGNATURE_DKIM, field, arena, out);
}

enum dkim_code dkim_signature_judge_time(const struct dkim_signature *signature, int64_t now_s, int64_t drift_s) {
    if (signature->has_timestamp && signature->timestamp_s > now_s + drift_s) return DKIM_SIG_FUTURE;
    if (signature->has_expiration && signature->expiration_s < now_s - drift_s) return DKIM_SIG_EXPIRED;
    return DKIM_OK;
}
