/* The vector kernels: a keep-mask for 32 or 64 octets at a time (white space is kept only when the octet behind it is
 * neither white space nor the CR of a CRLF), then the kept octets are moved together. */
#include "verifier/wsp_squeeze.h"
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LOOK_AHEAD = 2 }; /* octets that decide on the one before them */

/* For each mask of dropped octets (bit 0 = first) where the kept ones stand, as a shuffle's indices. */
#define BIT(mask, bit) ((mask) >> (bit) & 1u)
#define KEPT_BELOW(mask, bit) ((bit) - __builtin_popcount((mask) & ((1u << (bit)) - 1u)))
#define AT(mask, bit) (BIT(mask, bit) ? 0 : (uint64_t)(bit) << 8 * KEPT_BELOW(mask, bit))
#define ENTRY(mask)                                                                                                    \
    AT(mask, 0) | AT(mask, 1) | AT(mask, 2) | AT(mask, 3) | AT(mask, 4) | AT(mask, 5) | AT(mask, 6) | AT(mask, 7)
#define ENTRIES_4(mask) ENTRY(mask), ENTRY((mask) + 1), ENTRY((mask) + 2), ENTRY((mask) + 3)
#define ENTRIES_16(mask) ENTRIES_4(mask), ENTRIES_4((mask) + 4), ENTRIES_4((mask) + 8), ENTRIES_4((mask) + 12)
#define ENTRIES_64(mask) ENTRIES_16(mask), ENTRIES_16((mask) + 16), ENTRIES_16((mask) + 32), ENTRIES_16((mask) + 48)
static const uint64_t kept_indices[256] = {ENTRIES_64(0u), ENTRIES_64(64u), ENTRIES_64(128u), ENTRIES_64(192u)};

#define AVX2 __attribute__((target("avx2,popcnt")))

AVX2 static inline __m256i is(__m256i octets, char c) { return _mm256_cmpeq_epi8(octets, _mm256_set1_epi8(c)); }
AVX2 static inline __m256i load(const char *at) { return _mm256_loadu_si256((const __m256i *)(const void *)at); }

/* 32 octets with those of mask dropped, eight at a time; returns the end of what was written. */
AVX2 static char *store_kept(__m256i octets, uint32_t dropped, char *out) {
    uint64_t part[4];
    _mm256_storeu_si256((__m256i *)(void *)part, octets);
    for (int i = 0; i < 4; i++, dropped >>= 8) {
        __m128i indices = _mm_cvtsi64_si128((long long)kept_indices[dropped & 0xff]);
        __m128i kept = _mm_shuffle_epi8(_mm_cvtsi64_si128((long long)part[i]), indices);
        _mm_storel_epi64((__m128i *)(void *)out, kept);
        out += 8 - _mm_popcnt_u32(dropped & 0xff);
    }
    return out;
}

/* Which of the 32 octets at `at` are dropped; here is what they are, tab where they are tabs. */
AVX2 static inline uint32_t dropped_32(const char *at, __m256i here, __m256i tab) {
    __m256i next = load(at + 1), blank = _mm256_or_si256(is(here, ' '), tab);
    __m256i blank_next = _mm256_or_si256(is(next, ' '), is(next, '\t'));
    __m256i crlf_next = _mm256_and_si256(is(next, '\r'), is(load(at + 2), '\n'));
    return (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(blank, _mm256_or_si256(blank_next, crlf_next)));
}

/* 32 octets, and the two behind them, squeezed; those of gone are dropped as well. Returns the end of what was written. */
AVX2 static inline char *squeeze_32(const char *at, uint32_t gone, char *out) {
    __m256i here = load(at), tab = is(here, '\t');
    __m256i octets = _mm256_blendv_epi8(here, _mm256_set1_epi8(' '), tab);
    uint32_t dropped = dropped_32(at, here, tab) | gone;
    if (dropped == 0) { /* most of most messages */
        _mm256_storeu_si256((__m256i *)(void *)out, octets);
        return out + 32;
    }
    return dropped != UINT32_MAX ? store_kept(octets, dropped, out) : out;
}

AVX2 size_t wsp_squeeze_avx2(const char *in, size_t len, char *out) {
    char *end = out;
    size_t i = 0;
    for (; i + 32 + LOOK_AHEAD <= len; i += 32) end = squeeze_32(in + i, 0, end);
    size_t left = len - i; /* at most 33: what lies behind them counts as NUL */
    char last[64 + LOOK_AHEAD] = {0};
    memcpy(last, in + i, left);
    if (left > 0) end = squeeze_32(last, left < 32 ? UINT32_MAX << left : 0, end);
    if (left > 32) end = squeeze_32(last + 32, UINT32_MAX << (left - 32), end);
    return (size_t)(end - out);
}

AVX2 static inline bool has_wsp_128(const char *at) {
    __m256i found = _mm256_setzero_si256();
    for (size_t i = 0; i < 128; i += 32) {
        __m256i here = load(at + i);
        found = _mm256_or_si256(found, _mm256_or_si256(is(here, ' '), is(here, '\t')));
    }
    return !_mm256_testz_si256(found, found);
}

AVX2 size_t wsp_settled_avx2(const char *in, size_t len) {
    size_t i = 0;
    while (i + 128 <= len && !has_wsp_128(in + i)) i += 128; /* base64 has none at all */
    for (; i + 32 + LOOK_AHEAD <= len; i += 32) {
        __m256i here = load(in + i), tab = is(here, '\t');
        if (dropped_32(in + i, here, tab) != 0 || !_mm256_testz_si256(tab, tab)) return i;
    }
    return i + wsp_settled_scalar(in + i, len - i);
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi2,bmi2,popcnt")))

AVX512 static inline __mmask64 is_512(__m512i octets, char c) {
    return _mm512_cmpeq_epi8_mask(octets, _mm512_set1_epi8(c));
}

/* 64 octets and the two behind each. */
struct window_512 { __m512i here, next, after_next; };

AVX512 static inline struct window_512 load_512(const char *at) {
    return (struct window_512){_mm512_loadu_si512(at), _mm512_loadu_si512(at + 1), _mm512_loadu_si512(at + 2)};
}

/* The same where only left octets are left, 1 to 65: what lies behind them is not touched and counts as NUL. */
AVX512 static inline struct window_512 load_last_512(const char *at, unsigned left) {
    __mmask64 all = ~(__mmask64)0;
    return (struct window_512){_mm512_maskz_loadu_epi8(_bzhi_u64(all, left), at),
                               _mm512_maskz_loadu_epi8(_bzhi_u64(all, left - 1), at + 1),
                               _mm512_maskz_loadu_epi8(left < 2 ? 0 : _bzhi_u64(all, left - 2), at + 2)};
}

AVX512 static inline __mmask64 dropped_512(const struct window_512 *window) {
    __mmask64 blank = is_512(window->here, ' ') | is_512(window->here, '\t');
    __mmask64 blank_next = is_512(window->next, ' ') | is_512(window->next, '\t');
    __mmask64 crlf_next = is_512(window->next, '\r') & is_512(window->after_next, '\n');
    return blank & (blank_next | crlf_next);
}

/* Stores what is kept of the octets in present; returns the end of what was written. */
AVX512 static inline char *store_kept_512(struct window_512 window, __mmask64 present, char *out) {
    __mmask64 kept = present & ~dropped_512(&window);
    __m512i octets = _mm512_mask_blend_epi8(is_512(window.here, '\t'), window.here, _mm512_set1_epi8(' '));
    _mm512_storeu_si512(out, _mm512_maskz_compress_epi8(kept, octets));
    return out + _mm_popcnt_u64(kept);
}

AVX512 size_t wsp_squeeze_avx512(const char *in, size_t len, char *out) {
    char *end = out;
    size_t i = 0;
    for (; i + 64 + LOOK_AHEAD <= len; i += 64) end = store_kept_512(load_512(in + i), ~(__mmask64)0, end);
    for (; i < len; i += 64) {
        unsigned left = (unsigned)(len - i);
        end = store_kept_512(load_last_512(in + i, left), _bzhi_u64(~0ull, left), end);
    }
    return (size_t)(end - out);
}
#else /* not supported here, so never chosen */
size_t wsp_squeeze_avx2(const char *in, size_t len, char *out) { return wsp_squeeze_scalar(in, len, out); }
size_t wsp_squeeze_avx512(const char *in, size_t len, char *out) { return wsp_squeeze_scalar(in, len, out); }
size_t wsp_settled_avx2(const char *in, size_t len) { return wsp_settled_scalar(in, len); }
#endif
