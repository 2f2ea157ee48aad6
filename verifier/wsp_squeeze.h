/* verifier/wsp_squeeze.h -- reduce white space the relaxed way (RFC 6376 section 3.4.4): each run of SP and HTAB becomes
 * one SP, and nothing where a CRLF follows. The kernel of relaxed canonicalization; streams, limits and empty lines are
 * body_canon's business, folds header_canon's.
 * Pure. The scalar kernel is always built and the oracle of the vector kernels, of which the best that the processor
 * has is chosen at run time. Cost: scalar 0.5 to 1.8 GB/s, AVX2 6 to 27, AVX-512 (VBMI2) 20. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { WSP_SQUEEZE_SLACK = 64 }; /* octets behind the result that a vector store may overwrite */

/* Squeezes the len octets at in into out, which has room for len + WSP_SQUEEZE_SLACK and does not overlap in; returns
 * how many octets they became. The last octet of in must not be white space; a CR there counts as bare. */
size_t wsp_squeeze(const char *in, size_t len, char *out);

/* How many of the first octets squeezing leaves as they are, or a few less: base64 needs no copy. in as above. */
size_t wsp_settled(const char *in, size_t len);

#define WSP_SQUEEZE_KERNELS(X) /* the best last */                                                                     \
    X(WSP_SQUEEZE_SCALAR, "scalar", wsp_squeeze_scalar, wsp_settled_scalar)                                            \
    X(WSP_SQUEEZE_AVX2, "avx2", wsp_squeeze_avx2, wsp_settled_avx2)                                                    \
    X(WSP_SQUEEZE_AVX512, "avx512", wsp_squeeze_avx512, wsp_settled_avx2)
#define X(id, name, squeeze, settled) id,
enum wsp_squeeze_kernel { WSP_SQUEEZE_KERNELS(X) WSP_SQUEEZE_KERNEL_COUNT };
#undef X
/* Each by itself, where it is supported. */
size_t wsp_squeeze_scalar(const char *in, size_t len, char *out);
size_t wsp_squeeze_avx2(const char *in, size_t len, char *out);
size_t wsp_squeeze_avx512(const char *in, size_t len, char *out);
size_t wsp_settled_scalar(const char *in, size_t len);
size_t wsp_settled_avx2(const char *in, size_t len);
const char *wsp_squeeze_kernel_name(enum wsp_squeeze_kernel kernel);
bool wsp_squeeze_supported(enum wsp_squeeze_kernel kernel);
/* Process-wide, for tests and benches: wsp_squeeze never uses a better kernel than best from now on. */
void wsp_squeeze_limit(enum wsp_squeeze_kernel best);
