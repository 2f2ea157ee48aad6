#include "verifier/dkim_key.h"
#include <stdint.h>
#include "base/base64.h"
#include "verifier/key_der.h"
#include "verifier/public_key.h"
#include "verifier/tag_list.h"

enum {
    ED25519_OCTETS = 32,
    ED25519_BITS = 256,
    RSA_USABLE_BITS_MIN = 1024, /* RFC 8301 section 3.2 */
    RSA_USABLE_BITS_MAX = 4096, /* beyond it a signature costs more than it tells */
    DER_MAX = 12 * 1024,        /* octets; the most that 16 KiB of text can hold, so that a giant key is called one */
};

const char *dkim_key_status_text(enum dkim_key_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {DKIM_KEY_STATUSES(X)};
#undef X
    return texts[status];
}

/* Is word one of value's colon-separated words? Case matters: RFC 6376 section 3.2. */
static bool lists(struct span value, const char *word) {
    for (;;) {
        size_t colon = span_find(value, ':');
        if (span_is(span_trim(span_first(value, colon)), word)) return true;
        if (colon == value.len) return false;
        value = span_after(value, colon + 1);
    }
}

static bool absent_or_lists(const struct tag *tag, const char *word) { return tag == NULL || lists(tag->value, word); }

static enum key_algorithm algorithm_of(const struct tag *type) {
    if (type == NULL || span_is(type->value, "rsa")) return KEY_RSA;
    return span_is(type->value, "ed25519") ? KEY_ED25519 : KEY_ALGORITHM_UNKNOWN;
}

static void read_flags(const struct tag_list *list, struct dkim_key *out) {
    const struct tag *hashes = tag_list_find(list, "h"), *services = tag_list_find(list, "s");
    const struct tag *flags = tag_list_find(list, "t");
    out->algorithm = algorithm_of(tag_list_find(list, "k"));
    out->hash_sha256 = absent_or_lists(hashes, "sha256");
    out->hash_sha1 = absent_or_lists(hashes, "sha1");
    out->service_email = absent_or_lists(services, "email") || absent_or_lists(services, "*");
    out->testing = flags != NULL && lists(flags->value, "y");
    out->strict_identity = flags != NULL && lists(flags->value, "s");
}

static enum dkim_key_status read_ed25519(struct span octets, struct dkim_key *out) {
    if (octets.len != ED25519_OCTETS) return DKIM_KEY_BAD_KEY; /* RFC 8463 section 4.2; no SubjectPublicKeyInfo */
    out->bits = ED25519_BITS;
    out->key = public_key_ed25519(octets);
    return out->key != NULL ? DKIM_KEY_OK : DKIM_KEY_OUT_OF_MEMORY;
}

static enum dkim_key_status read_rsa(struct span octets, struct dkim_key *out) {
    struct key_der der;
    enum key_der_status status = key_der_read(octets, &der);
    out->bits = der.bits;
    if (status == KEY_DER_BAD_SIZE) return DKIM_KEY_BAD_SIZE;
    if (status != KEY_DER_OK) return DKIM_KEY_BAD_KEY;
    if (der.bits < RSA_USABLE_BITS_MIN || der.bits > RSA_USABLE_BITS_MAX) return DKIM_KEY_OK; /* readable, not usable */
    out->key = public_key_rsa(der.modulus, der.exponent); /* numbers like these are never refused: it is memory then */
    return out->key != NULL ? DKIM_KEY_OK : DKIM_KEY_OUT_OF_MEMORY;
}

/* False: no memory. */
static bool take_fingerprint(struct span octets, struct dkim_key *out) {
    struct digest digest = {0};
    if (digest_init(&digest)) {
        digest_begin(&digest);
        digest_update(&digest, octets);
        out->has_fingerprint = digest_end(&digest, out->fingerprint);
    }
    digest_release(&digest);
    return out->has_fingerprint;
}

static enum dkim_key_status read_public_key(struct span base64, struct dkim_key *out) {
    uint8_t octets[DER_MAX];
    size_t len;
    enum base64_status status = base64_decode(base64, BASE64_SPACE_SKIPPED, octets, sizeof octets, &len);
    if (status == BASE64_NO_ROOM) return DKIM_KEY_BAD_KEY;
    if (status != BASE64_OK) return DKIM_KEY_BAD_BASE64;
    struct span decoded = {(const char *)octets, len};
    if (!take_fingerprint(decoded, out)) return DKIM_KEY_OUT_OF_MEMORY;
    return out->algorithm == KEY_ED25519 ? read_ed25519(decoded, out) : read_rsa(decoded, out);
}

static enum dkim_key_status read_tags(const struct tag_list *list, struct dkim_key *out) {
    const struct tag *version = tag_list_find(list, "v"), *key = tag_list_find(list, "p");
    read_flags(list, out);
    if (version != NULL && (version != &list->tag[0] || !span_is(version->value, "DKIM1"))) return DKIM_KEY_BAD_VERSION;
    if (key == NULL) return DKIM_KEY_NO_P;
    if (key->value.len == 0) return DKIM_KEY_EMPTY_P;
    if (out->algorithm == KEY_ALGORITHM_UNKNOWN) return DKIM_KEY_UNKNOWN_TYPE;
    return read_public_key(key->value, out);
}

enum dkim_key_status dkim_key_parse(struct span text, struct arena *arena, struct dkim_key *out) {
    struct tag_list list;
    size_t error_at;
    *out = (struct dkim_key){.text = arena_copy(arena, text)};
    if (out->text.len != text.len) return out->status = DKIM_KEY_OUT_OF_MEMORY;
    if (tag_list_parse(out->text, &list, &error_at) == TAG_LIST_OK) return out->status = read_tags(&list, out);
    tag_list_salvage(out->text, &list); /* for reports */
    read_flags(&list, out);
    return out->status = DKIM_KEY_BAD_TAG_LIST;
}

void dkim_key_release(struct dkim_key *key) {
    public_key_release(key->key);
    key->key = NULL;
}
