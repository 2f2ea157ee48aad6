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

#define WSP_SQUEEZE_KERNELS(X) /* the best last */                                                                     \
    X(WSP_SQUEEZE_SCALAR, "scalar", wsp_squeeze_scalar)                                                                \
    X(WSP_SQUEEZE_AVX2, "avx2", wsp_squeeze_avx2)                                                                      \
    X(WSP_SQUEEZE_AVX512, "avx512", wsp_squeeze_avx512)
#define X(id, name, run) id,
enum wsp_squeeze_kernel { WSP_SQUEEZE_KERNELS(X) WSP_SQUEEZE_KERNEL_COUNT };
#undef X
#define X(id, name, run) size_t run(const char *in, size_t len, char *out); /* as wsp_squeeze; where supported */
WSP_SQUEEZE_KERNELS(X)
#undef X
const char *wsp_squeeze_kernel_name(enum wsp_squeeze_kernel kernel);
bool wsp_squeeze_supported(enum wsp_squeeze_kernel kernel);
/* Process-wide, for tests and benches: wsp_squeeze never uses a better kernel than best from now on. */
void wsp_squeeze_limit(enum wsp_squeeze_kernel best);
