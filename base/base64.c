#include "base/base64.h"

static const char alphabet[64] = {'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P',
                                  'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f',
                                  'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
                                  'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '/'};

/* Classes above the 64 values; all of them have bit 6 set, and no value has. */
enum { SPACE = 64, PAD, BAD };

#define B BAD
#define S SPACE
#define P PAD
static const uint8_t classes[256] = {
    B,  B,  B,  B,  B,  B,  B,  B,  B,  S,  S,  B,  B,  S,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
    B,  B,  B,  B,  S,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  62, B,  B,  B,  63, 52, 53, 54, 55, 56, 57, 58, 59,
    60, 61, B,  B,  B,  P,  B,  B,  B,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18,
    19, 20, 21, 22, 23, 24, 25, B,  B,  B,  B,  B,  B,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
    B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
    B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
    B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
    B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
    B,  B,  B,  B};
#undef B
#undef S
#undef P

/* A group of four characters under way. */
struct group {
    uint32_t bits;   /* 6 a character, newest lowest */
    unsigned count;  /* characters, = included */
    unsigned padded; /* of them = */
};

static inline uint8_t class_of(char c) { return classes[(uint8_t)c]; }

/* The values of four characters as one number; a bit above its 24 is set when one of them has none. */
static inline uint32_t group_of(const char *four) {
    uint32_t v0 = class_of(four[0]), v1 = class_of(four[1]), v2 = class_of(four[2]), v3 = class_of(four[3]);
    return ((v0 | v1 | v2 | v3) & 64) << 24 | v0 << 18 | v1 << 12 | v2 << 6 | v3;
}

/* Whole groups without = or white space, the common case: returns the characters used. */
static size_t decode_plain(struct span text, uint8_t *out, size_t room, size_t *len) {
    size_t groups = text.len / 4 < room / 3 ? text.len / 4 : room / 3, i = 0;
    for (; i < groups; i++) {
        uint32_t bits = group_of(text.ptr + 4 * i);
        if (bits >> 24 != 0) break;
        out[3 * i] = (uint8_t)(bits >> 16);
        out[3 * i + 1] = (uint8_t)(bits >> 8);
        out[3 * i + 2] = (uint8_t)bits;
    }
    *len = 3 * i;
    return 4 * i;
}

static enum base64_status add_character(struct group *group, uint8_t class) {
    if (class == BAD || class == SPACE) return BASE64_BAD_CHARACTER;
    if (class == PAD && group->count < 2) return BASE64_BAD_PADDING;
    if (class != PAD && group->padded > 0) return BASE64_BAD_PADDING;
    group->bits = group->bits << 6 | (class == PAD ? 0 : class);
    group->count++;
    group->padded += class == PAD;
    return BASE64_OK;
}

enum base64_status base64_decode(struct span text, enum base64_space space, uint8_t *out, size_t room, size_t *len) {
    struct group group = {0};
    size_t written = 0;
    *len = 0;
    for (size_t at = 0; at < text.len;) {
        if (group.count == 0) {
            size_t more;
            at += decode_plain(span_after(text, at), out + written, room - written, &more);
            written += more;
            if (at == text.len) break;
        }
        uint8_t class = class_of(text.ptr[at++]);
        if (class == SPACE && space == BASE64_SPACE_SKIPPED) continue;
        if (group.count == 4) return BASE64_BAD_PADDING; /* a padded group was the last */
        enum base64_status status = add_character(&group, class);
        if (status != BASE64_OK) return status;
        if (group.count < 4) continue;
        size_t octets = 3 - group.padded;
        if (room - written < octets) return BASE64_NO_ROOM;
        for (size_t i = 0; i < octets; i++) out[written++] = (uint8_t)(group.bits >> (16 - 8 * i));
        if (group.padded == 0) group = (struct group){0};
    }
    if (group.count % 4 != 0) return BASE64_CUT_OFF;
    *len = written;
    return BASE64_OK;
}

bool base64_encode(struct bytes *out, struct span octets) {
    const uint8_t *in = (const uint8_t *)octets.ptr;
    if (octets.len == 0) return !out->failed;
    if (octets.len > SIZE_MAX / 4 * 3 - 3 || !bytes_reserve(out, (octets.len + 2) / 3 * 4)) return out->failed = true, false;
    char *to = out->ptr + out->len;
    for (size_t left = octets.len; left > 0; in += 3, to += 4) {
        size_t count = left < 3 ? left : 3;
        uint32_t bits = (uint32_t)in[0] << 16 | (count > 1 ? (uint32_t)in[1] << 8 : 0) | (count > 2 ? in[2] : 0);
        to[0] = alphabet[bits >> 18];
        to[1] = alphabet[bits >> 12 & 63];
        to[2] = count > 1 ? alphabet[bits >> 6 & 63] : '=';
        to[3] = count > 2 ? alphabet[bits & 63] : '=';
        left -= count;
    }
    out->len += (octets.len + 2) / 3 * 4;
    return true;
}

const char *base64_status_text(enum base64_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {BASE64_STATUS(X)};
#undef X
    return texts[status];
}
