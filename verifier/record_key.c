#include <stdio.h>
#include "base/ascii.h"
#include "base/base64.h"
#include "verifier/key_der.h"
#include "verifier/record_text.h"
#include "verifier/weak_key.h"

enum { GOOD_RSA_BITS = 2048, LEAST_RSA_BITS = 1024, MOST_RSA_BITS = 4096, SHOWN_FINGERPRINT = 8, ED25519_OCTETS = 32 };
enum { TAG_INTEGER = 2, TAG_SEQUENCE = 0x30 };

bool record_key_decode(struct span base64, struct arena *arena, struct span *out) {
    size_t room = base64_decoded_max(base64.len), len = 0;
    *out = (struct span){NULL, 0};
    if (room == 0) return true;
    uint8_t *octets = arena_alloc(arena, room);
    if (octets == NULL) return false;
    if (base64_decode(base64, BASE64_SPACE_SKIPPED, octets, room, &len) == BASE64_OK)
        *out = (struct span){(const char *)octets, len};
    return true;
}

/* --- p= as characters -------------------------------------------------------------------------------------------- */

static bool is_base64(char c) { return ascii_is_alnum(c) || c == '+' || c == '/' || c == '='; }

/* Offset of the first character that neither base64 nor folding has, or the length. */
static size_t find_stranger(struct span text) {
    for (size_t i = 0; i < text.len; i++)
        if (!is_base64(text.ptr[i]) && !ascii_is_space(text.ptr[i])) return i;
    return text.len;
}

static size_t count_blanks(struct span text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) count += ascii_is_space(text.ptr[i]);
    return count;
}

/* The whole groups of four that text starts with, without white space and padding, decoded: what is left of a key that
 * was cut off. */
static bool decode_start(struct span text, struct arena *arena, struct span *out) {
    char *characters = text.len > 0 ? arena_alloc(arena, text.len) : NULL;
    size_t len = 0;
    *out = (struct span){NULL, 0};
    if (text.len == 0) return true;
    if (characters == NULL) return false;
    for (size_t i = 0; i < text.len && (is_base64(text.ptr[i]) || ascii_is_space(text.ptr[i])); i++)
        if (!ascii_is_space(text.ptr[i]) && text.ptr[i] != '=') characters[len++] = text.ptr[i];
    return record_key_decode((struct span){characters, len / 4 * 4}, arena, out);
}

/* --- p= as octets ------------------------------------------------------------------------------------------------ */

/* Octets that the outer element of octets says it has, its own header included; 0 when it is no SEQUENCE. *content is
 * where its content starts. */
static size_t announced(struct span octets, size_t *content) {
    const uint8_t *octet = (const uint8_t *)octets.ptr;
    if (octets.len < 4 || octet[0] != TAG_SEQUENCE) return 0;
    *content = 2;
    if (octet[1] < 0x80) return 2u + octet[1];
    if (octet[1] == 0x81) return *content = 3, 3u + octet[2];
    if (octet[1] != 0x82) return 0;
    return *content = 4, 4u + (size_t)octet[2] * 256 + octet[3];
}

/* Private keys begin with a version number: PKCS#1, PKCS#8 and SEC1 alike. */
static bool looks_private(struct span octets) {
    size_t content;
    if (announced(octets, &content) == 0 || octets.len < content + 3) return false;
    const uint8_t *octet = (const uint8_t *)octets.ptr + content;
    return octet[0] == TAG_INTEGER && octet[1] == 1 && octet[2] <= 1;
}

static bool says_private(struct span text) {
    static const char words[] = "PRIVATE KEY";
    for (size_t i = 0; i + sizeof words - 1 <= text.len; i++)
        if (memcmp(text.ptr + i, words, sizeof words - 1) == 0) return true;
    return false;
}

/* Is it a key again with a plus sign for each blank? */
static bool plus_mends(struct span text, struct arena *arena, bool *out) {
    char *characters = text.len > 0 ? arena_alloc(arena, text.len) : NULL;
    struct span octets;
    struct key_der der;
    *out = false;
    if (text.len == 0) return true;
    if (characters == NULL) return false;
    for (size_t i = 0; i < text.len; i++) characters[i] = ascii_is_space(text.ptr[i]) ? '+' : text.ptr[i];
    if (!record_key_decode((struct span){characters, text.len}, arena, &octets)) return false;
    *out = octets.len > 0 && key_der_read(octets, &der) == KEY_DER_OK;
    return true;
}

/* --- judging ----------------------------------------------------------------------------------------------------- */

static void add_number(struct finding_list *findings, enum finding_id id, const char *name, uint64_t number) {
    finding_add_number(finding_add(findings, id), name, number);
}

static bool describe(const struct record_text *record, unsigned bits, const char *type, struct arena *arena,
                     struct finding_list *findings) {
    enum { TEXT_MAX = 40 };
    char *text = arena_alloc(arena, TEXT_MAX);
    if (text == NULL) return false;
    int len = snprintf(text, TEXT_MAX, "%s, %u bits", type, bits);
    struct finding *finding = finding_add(findings, FINDING_KEY_READABLE);
    finding_add_text(finding, "text", (struct span){text, (size_t)len});
    finding_add_text(finding, "found", (struct span){record->fingerprint, SHOWN_FINGERPRINT});
    return true;
}

static void judge_rsa_size(unsigned bits, struct finding_list *findings) {
    if (bits >= GOOD_RSA_BITS && bits <= MOST_RSA_BITS) {
        add_number(findings, FINDING_KEY_SIZE_GOOD, "found", bits);
        return;
    }
    enum finding_id id = bits < LEAST_RSA_BITS  ? FINDING_KEY_TOO_SMALL
                         : bits < GOOD_RSA_BITS ? FINDING_KEY_WEAK
                                                : FINDING_KEY_TOO_LARGE;
    struct finding *finding = finding_add(findings, id);
    finding_add_number(finding, "found", bits);
    finding_add_number(finding, "expected", GOOD_RSA_BITS);
}

static void judge_numbers(const struct key_der *der, struct finding_list *findings) {
    unsigned number = 0;
    enum weak_key weak = weak_key_judge(der, &number);
    if (weak == WEAK_KEY_FACTOR) add_number(findings, FINDING_KEY_FACTOR, "found", number);
    if (weak == WEAK_KEY_ROCA) finding_add(findings, FINDING_KEY_ROCA)->certainty = FINDING_GUESS;
    if (weak == WEAK_KEY_EXPONENT) add_number(findings, FINDING_KEY_EXPONENT, "found", number);
}

static bool judge_rsa(const struct record_text *record, const struct key_der *der, struct arena *arena,
                      struct finding_list *findings) {
    if (!describe(record, der->bits, "rsa", arena, findings)) return false;
    add_number(findings, FINDING_RSA, "found", der->bits);
    if (der->bare) finding_add(findings, FINDING_KEY_BARE);
    judge_rsa_size(der->bits, findings);
    if (der->modulus.len > 0) judge_numbers(der, findings);
    return true;
}

/* No key can be read: why? octets: as far as they decode. */
static void judge_wreck(struct span value, struct span octets, bool plus, struct finding_list *findings) {
    size_t content, whole = announced(octets, &content);
    if (plus) {
        add_number(findings, FINDING_PLUS_EATEN, "found", count_blanks(value));
    } else if (whole > octets.len) {
        struct finding *finding = finding_add(findings, FINDING_KEY_CUT);
        finding_add_number(finding, "found", octets.len);
        finding_add_number(finding, "expected", whole);
    } else {
        finding_add(findings, FINDING_KEY_UNREADABLE);
    }
}

static void judge_stranger(const struct record_text *record, struct finding_list *findings) {
    struct tag_list published;
    tag_list_salvage(record->text, &published);
    const struct tag *key = tag_list_find(&published, "p");
    if (key == NULL) key = tag_list_find(&record->tags, "p");
    size_t at = key != NULL ? find_stranger(key->value) : 0;
    if (key == NULL || at == key->value.len) return;
    size_t len = at + 1; /* a whole character, if it is more than an octet */
    while (len < key->value.len && ((uint8_t)key->value.ptr[len] & 0xc0) == 0x80) len++;
    struct finding *finding = finding_add(findings, FINDING_BAD_BASE64);
    finding_add_text(finding, "found", (struct span){key->value.ptr + at, len - at});
    finding_add_number(finding, "position", at + 1);
}

static bool judge_octets(const struct record_text *record, struct span value, struct span octets, bool complete,
                         struct arena *arena, struct finding_list *findings) {
    struct key_der der;
    enum key_der_status status = key_der_read(octets, &der);
    bool plus = false, is_ed25519 = record->key.algorithm == KEY_ED25519;
    if (status == KEY_DER_ED25519) {
        finding_add(findings, FINDING_ED25519_WRAPPED);
        return true;
    }
    if (is_ed25519 && complete && octets.len == ED25519_OCTETS) {
        finding_add(findings, FINDING_ED25519);
        return describe(record, ED25519_OCTETS * 8, "ed25519", arena, findings);
    }
    if (!is_ed25519 && complete && (status == KEY_DER_OK || status == KEY_DER_BAD_SIZE))
        return judge_rsa(record, &der, arena, findings);
    if (complete && (status == KEY_DER_BAD_MODULUS || status == KEY_DER_BAD_EXPONENT)) {
        finding_add_text(finding_add(findings, FINDING_KEY_NUMBERS), "text", span_of(key_der_status_text(status)));
        return true;
    }
    if (count_blanks(value) > 0 && !plus_mends(value, arena, &plus)) return false;
    judge_wreck(value, octets, plus, findings);
    return true;
}

bool record_key_judge(const struct record_text *record, struct arena *arena, struct finding_list *findings) {
    const struct tag *key = tag_list_find(&record->tags, "p"), *type = tag_list_find(&record->tags, "k");
    struct span octets;
    if (key == NULL || key->value.len == 0) {
        finding_add(findings, key == NULL ? FINDING_NO_KEY_TAG : FINDING_REVOKED);
        return true;
    }
    if (type != NULL && record->key.algorithm == KEY_ALGORITHM_UNKNOWN)
        finding_add_text(finding_add(findings, FINDING_UNKNOWN_TYPE), "found", type->value);
    if (!record_key_decode(key->value, arena, &octets)) return false;
    bool complete = octets.len > 0;
    if (!complete && !decode_start(key->value, arena, &octets)) return false;
    if (looks_private(octets) || says_private(key->value)) {
        finding_add(findings, FINDING_PRIVATE_KEY);
        return true;
    }
    judge_stranger(record, findings);
    if (complete || find_stranger(key->value) == key->value.len) {
        if (!judge_octets(record, key->value, octets, complete, arena, findings)) return false;
    }
    size_t blanks =
        count_blanks(span_first(key->raw_value, (size_t)(key->value.ptr - key->raw_value.ptr) + key->value.len));
    if (blanks > 0) add_number(findings, FINDING_KEY_BLANKS, "found", blanks);
    return true;
}
