/* The vector kernels: a keep-mask for 32 or 64 octets at a time (white space is kept only when the octet behind it is
 * neither white space nor the CR of a CRLF), then the kept octets are moved together. */
#include "verifier/wsp_squeeze.h"
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>

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

AVX2 size_t wsp_squeeze_avx2(const char *in, size_t len, char *out) {
    char *end = out;
    size_t i = 0;
    for (; i + 32 + LOOK_AHEAD <= len; i += 32) {
        __m256i here = load(in + i), next = load(in + i + 1), tab = is(here, '\t');
        __m256i blank = _mm256_or_si256(is(here, ' '), tab);
        __m256i blank_next = _mm256_or_si256(is(next, ' '), is(next, '\t'));
        __m256i crlf_next = _mm256_and_si256(is(next, '\r'), is(load(in + i + 2), '\n'));
        __m256i dropped = _mm256_and_si256(blank, _mm256_or_si256(blank_next, crlf_next));
        __m256i octets = _mm256_blendv_epi8(here, _mm256_set1_epi8(' '), tab);
        uint32_t mask = (uint32_t)_mm256_movemask_epi8(dropped);
        if (mask == 0) { /* most of most messages */
            _mm256_storeu_si256((__m256i *)(void *)end, octets);
            end += 32;
        } else if (mask != UINT32_MAX) {
            end = store_kept(octets, mask, end);
        }
    }
    return (size_t)(end - out) + wsp_squeeze_scalar(in + i, len - i, end);
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi2,bmi2,popcnt")))

AVX512 static inline __mmask64 is_512(__m512i octets, char c) {
    return _mm512_cmpeq_epi8_mask(octets, _mm512_set1_epi8(c));
}

/* Squeezes the octets at here of which present is the mask; the two after each are in next and after_next. */
AVX512 static inline char *squeeze_512(__m512i here, __m512i next, __m512i after_next, __mmask64 present, char *out) {
    __mmask64 tab = is_512(here, '\t'), blank = is_512(here, ' ') | tab;
    __mmask64 blank_next = is_512(next, ' ') | is_512(next, '\t');
    __mmask64 crlf_next = is_512(next, '\r') & is_512(after_next, '\n');
    __mmask64 kept = present & ~(blank & (blank_next | crlf_next));
    __m512i octets = _mm512_mask_blend_epi8(tab, here, _mm512_set1_epi8(' '));
    _mm512_storeu_si512(out, _mm512_maskz_compress_epi8(kept, octets));
    return out + _mm_popcnt_u64(kept);
}

AVX512 size_t wsp_squeeze_avx512(const char *in, size_t len, char *out) {
    char *end = out;
    size_t i = 0;
    for (; i + 64 + LOOK_AHEAD <= len; i += 64)
        end = squeeze_512(_mm512_loadu_si512(in + i), _mm512_loadu_si512(in + i + 1), _mm512_loadu_si512(in + i + 2),
                          ~(__mmask64)0, end);
    for (; i < len; i += 64) { /* masked loads: what lies behind the end is not touched and counts as NUL */
        size_t left = len - i;
        __mmask64 present = _bzhi_u64(~0ull, left < 64 ? (unsigned)left : 64);
        __mmask64 has_next = _bzhi_u64(~0ull, left < 65 ? (unsigned)left - 1 : 64);
        __mmask64 has_after_next = left < 2 ? 0 : _bzhi_u64(~0ull, left < 66 ? (unsigned)left - 2 : 64);
        end = squeeze_512(_mm512_maskz_loadu_epi8(present, in + i), _mm512_maskz_loadu_epi8(has_next, in + i + 1),
                          _mm512_maskz_loadu_epi8(has_after_next, in + i + 2), present, end);
    }
    return (size_t)(end - out);
}
#else /* not supported here, so never chosen */
size_t wsp_squeeze_avx2(const char *in, size_t len, char *out) { return wsp_squeeze_scalar(in, len, out); }
size_t wsp_squeeze_avx512(const char *in, size_t len, char *out) { return wsp_squeeze_scalar(in, len, out); }
#endif
