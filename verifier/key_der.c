#include "verifier/key_der.h"
#include <stdint.h>

enum { TAG_INTEGER = 0x02, TAG_BIT_STRING = 0x03, TAG_NULL = 0x05, TAG_OID = 0x06, TAG_SEQUENCE = 0x30 };

static const char rsa_encryption[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"; /* 1.2.840.113549.1.1.1 */
static const char id_ed25519[] = "\x2b\x65\x70";                             /* 1.3.101.112 */

const char *key_der_status_text(enum key_der_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {KEY_DER_STATUSES(X)};
#undef X
    return texts[status];
}

static uint8_t octet_at(struct span s, size_t index) { return (uint8_t)s.ptr[index]; }
static bool has_tag(struct span s, uint8_t tag) { return s.len > 0 && octet_at(s, 0) == tag; }

/* Takes a length off the front of *rest (X.690 section 10.1: definite, in the fewest octets). */
static enum key_der_status take_length(struct span *rest, size_t *length) {
    if (rest->len == 0) return KEY_DER_TRUNCATED;
    uint8_t first = octet_at(*rest, 0);
    *rest = span_after(*rest, 1);
    *length = first;
    if (first < 0x80) return KEY_DER_OK;
    if (first == 0x80) return KEY_DER_BAD_ENCODING; /* indefinite: BER */
    size_t count = first & 0x7f;
    if (count > rest->len) return KEY_DER_TRUNCATED;
    if (octet_at(*rest, 0) == 0) return KEY_DER_BAD_ENCODING;
    if (count > sizeof(uint32_t)) return KEY_DER_TRUNCATED; /* without a leading zero: longer than any input of ours */
    size_t value = 0;
    for (size_t i = 0; i < count; i++) value = value << 8 | octet_at(*rest, i);
    if (value < 0x80) return KEY_DER_BAD_ENCODING;
    *rest = span_after(*rest, count);
    *length = value;
    return KEY_DER_OK;
}

/* Takes one element with the given tag off the front of *rest. */
static enum key_der_status take(struct span *rest, uint8_t tag, struct span *content) {
    if (rest->len == 0) return KEY_DER_TRUNCATED;
    if (!has_tag(*rest, tag)) return KEY_DER_NOT_A_KEY;
    *rest = span_after(*rest, 1);
    size_t length = 0;
    enum key_der_status status = take_length(rest, &length);
    if (status != KEY_DER_OK) return status;
    if (length > rest->len) return KEY_DER_TRUNCATED;
    *content = span_first(*rest, length);
    *rest = span_after(*rest, length);
    return KEY_DER_OK;
}

/* An INTEGER's content octets in two's complement, in their shortest form (X.690 section 8.3.2). */
static enum key_der_status take_integer(struct span *rest, struct span *value) {
    enum key_der_status status = take(rest, TAG_INTEGER, value);
    if (status != KEY_DER_OK) return status;
    if (value->len == 0) return KEY_DER_BAD_ENCODING;
    if (value->len == 1) return KEY_DER_OK;
    bool second_bit_set = (octet_at(*value, 1) & 0x80) != 0;
    bool superfluous = second_bit_set ? octet_at(*value, 0) == 0xff : octet_at(*value, 0) == 0;
    return superfluous ? KEY_DER_BAD_ENCODING : KEY_DER_OK;
}

/* The magnitude of a positive, odd integer; false for any other. */
static bool odd_magnitude(struct span value, struct span *magnitude) {
    if ((octet_at(value, 0) & 0x80) != 0 || (octet_at(value, value.len - 1) & 1) == 0) return false;
    *magnitude = octet_at(value, 0) == 0 ? span_after(value, 1) : value; /* odd, hence not 0 alone */
    return true;
}

static unsigned bit_length(struct span magnitude) {
    unsigned bits = (unsigned)(magnitude.len - 1) * 8;
    for (uint8_t top = octet_at(magnitude, 0); top != 0; top >>= 1) bits++;
    return bits;
}

/* RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }, without the SEQUENCE's own header. */
static enum key_der_status read_numbers(struct span rest, struct key_der *out) {
    struct span modulus, exponent;
    enum key_der_status status = take_integer(&rest, &modulus);
    if (status == KEY_DER_OK) status = take_integer(&rest, &exponent);
    if (status != KEY_DER_OK) return status;
    if (modulus.len == 1 && octet_at(modulus, 0) <= 1 && rest.len > 0) return KEY_DER_PRIVATE; /* that was a version */
    if (rest.len > 0) return KEY_DER_TRAILING;
    if (modulus.len >
        1 + KEY_DER_BITS_MAX / 8) { /* far too large: that is what is wrong with it, whatever the number */
        size_t magnitude = modulus.len - (octet_at(modulus, 0) == 0);
        out->bits = magnitude < UINT32_MAX / 8 ? (unsigned)magnitude * 8 : UINT32_MAX;
        return KEY_DER_BAD_SIZE;
    }
    if (!odd_magnitude(modulus, &out->modulus)) return KEY_DER_BAD_MODULUS;
    if (!odd_magnitude(exponent, &out->exponent) || out->exponent.len > sizeof(uint32_t)) return KEY_DER_BAD_EXPONENT;
    if (out->exponent.len == 1 && octet_at(out->exponent, 0) < 3) return KEY_DER_BAD_EXPONENT;
    out->bits = bit_length(out->modulus);
    return out->bits < KEY_DER_BITS_MIN || out->bits > KEY_DER_BITS_MAX ? KEY_DER_BAD_SIZE : KEY_DER_OK;
}

static enum key_der_status check_algorithm(struct span rest) {
    struct span oid, parameters;
    enum key_der_status status = take(&rest, TAG_OID, &oid);
    if (status != KEY_DER_OK) return status;
    if (span_equal(oid, (struct span){id_ed25519, sizeof id_ed25519 - 1})) return KEY_DER_ED25519;
    if (!span_equal(oid, (struct span){rsa_encryption, sizeof rsa_encryption - 1})) return KEY_DER_OTHER_ALGORITHM;
    if (rest.len == 0) return KEY_DER_OK; /* parameters absent: see the header */
    status = take(&rest, TAG_NULL, &parameters);
    if (status != KEY_DER_OK) return status;
    return parameters.len > 0 ? KEY_DER_BAD_ENCODING : rest.len > 0 ? KEY_DER_TRAILING : KEY_DER_OK;
}

/* SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }, header gone. */
static enum key_der_status read_envelope(struct span rest, struct key_der *out) {
    struct span algorithm, bits, numbers;
    enum key_der_status status = take(&rest, TAG_SEQUENCE, &algorithm);
    if (status == KEY_DER_OK) status = check_algorithm(algorithm);
    if (status == KEY_DER_OK) status = take(&rest, TAG_BIT_STRING, &bits);
    if (status != KEY_DER_OK) return status;
    if (rest.len > 0) return KEY_DER_TRAILING;
    if (bits.len == 0) return KEY_DER_TRUNCATED;
    if (octet_at(bits, 0) != 0) return KEY_DER_BAD_ENCODING; /* unused bits: a key is whole octets */
    bits = span_after(bits, 1);
    status = take(&bits, TAG_SEQUENCE, &numbers);
    if (status != KEY_DER_OK) return status;
    return bits.len > 0 ? KEY_DER_TRAILING : read_numbers(numbers, out);
}

/* PrivateKeyInfo ::= SEQUENCE { version INTEGER, algorithm AlgorithmIdentifier, ... } (RFC 5958 section 2). */
static bool is_private_envelope(struct span rest) {
    struct span version;
    return take(&rest, TAG_INTEGER, &version) == KEY_DER_OK && version.len == 1 && has_tag(rest, TAG_SEQUENCE);
}

enum key_der_status key_der_read(struct span octets, struct key_der *out) {
    *out = (struct key_der){0};
    struct span rest = octets, content;
    enum key_der_status status = take(&rest, TAG_SEQUENCE, &content);
    if (status == KEY_DER_OK && rest.len > 0) status = KEY_DER_TRAILING;
    if (status == KEY_DER_OK) {
        out->bare = !has_tag(content, TAG_SEQUENCE);
        status = is_private_envelope(content) ? KEY_DER_PRIVATE
                 : out->bare                  ? read_numbers(content, out)
                                              : read_envelope(content, out);
    }
    if (status == KEY_DER_BAD_SIZE)
        out->modulus = out->exponent = (struct span){0};
    else if (status != KEY_DER_OK)
        *out = (struct key_der){0};
    return status;
}
