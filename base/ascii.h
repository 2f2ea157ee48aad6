/* base/ascii.h -- classes and case of ASCII characters, without a locale. Pure inline functions.
 * Octets above 127 belong to no class and have no case. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline bool ascii_is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool ascii_is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static inline bool ascii_is_lower(char c) { return c >= 'a' && c <= 'z'; }
static inline bool ascii_is_alpha(char c) { return ascii_is_upper(c) || ascii_is_lower(c); }
static inline bool ascii_is_alnum(char c) { return ascii_is_alpha(c) || ascii_is_digit(c); }
static inline bool ascii_is_wsp(char c) { return c == ' ' || c == '\t'; }                    /* RFC 5234 WSP */
static inline bool ascii_is_space(char c) { return ascii_is_wsp(c) || c == '\r' || c == '\n'; } /* folding included */
static inline bool ascii_is_graph(char c) { return c >= '!' && c <= '~'; }                   /* RFC 5234 VCHAR */
/* Are the eight octets at eight all from least up to '~'? Looks at them as one word: each octet has room to show in its highest
 * bit that it is below least (a borrow) or above '~' (a carry). */
static inline bool ascii_are_from(const char *eight, char least) {
    const uint64_t each = 0x0101010101010101;
    uint64_t word;
    memcpy(&word, eight, sizeof word);
    uint64_t below = (word - each * (unsigned char)least) & ~word, above = (word + each * (0x7f - '~')) | word;
    return ((below | above) & each * 0x80) == 0;
}
static inline bool ascii_are_graph(const char *eight) { return ascii_are_from(eight, '!'); }
static inline bool ascii_are_print(const char *eight) { return ascii_are_from(eight, ' '); } /* graphic, or a space */
static inline bool ascii_is_control(char c) { return (unsigned char)c < ' ' || c == 0x7f; }
static inline char ascii_lower(char c) { return ascii_is_upper(c) ? (char)(c + ('a' - 'A')) : c; }
/* The same for the eight octets of a word: bit 7 of each sum says whether the octet is at least 'A' and whether it is above
 * 'Z'; octets above 127 are left alone. */
static inline uint64_t ascii_lower_eight(uint64_t word) {
    const uint64_t each = 0x0101010101010101;
    uint64_t low = word & each * 0x7f, from_a = low + each * (0x80 - 'A'), above_z = low + each * (0x7f - 'Z');
    return word | ((from_a & ~above_z & ~word & each * 0x80) >> 2);
}
static inline char ascii_upper(char c) { return ascii_is_lower(c) ? (char)(c - ('a' - 'A')) : c; }

/* Value of a hexadecimal digit in either case, -1 for any other character. */
static inline int ascii_hex_value(char c) {
    if (ascii_is_digit(c)) return c - '0';
    char l = ascii_lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}
