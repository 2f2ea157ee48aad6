#include "verifier/wsp_squeeze.h"
#include <stdatomic.h>
#include "base/ascii.h"

static atomic_uint best_allowed = WSP_SQUEEZE_KERNEL_COUNT - 1;

const char *wsp_squeeze_kernel_name(enum wsp_squeeze_kernel kernel) {
#define X(id, name, squeeze, settled) [id] = name,
    static const char *const names[] = {WSP_SQUEEZE_KERNELS(X)};
#undef X
    return names[kernel];
}

bool wsp_squeeze_supported(enum wsp_squeeze_kernel kernel) {
    if (kernel == WSP_SQUEEZE_SCALAR) return true;
#if defined(__x86_64__)
    if (kernel == WSP_SQUEEZE_AVX2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
    return __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}

void wsp_squeeze_limit(enum wsp_squeeze_kernel best) {
    atomic_store_explicit(&best_allowed, (unsigned)best, memory_order_relaxed);
}

/* Is the octet at in[i] left out? Its neighbours are there to be looked at: the last octet is never white space. */
static bool is_dropped(const char *in, size_t i, size_t len) {
    if (!ascii_is_wsp(in[i])) return false;
    return ascii_is_wsp(in[i + 1]) || (in[i + 1] == '\r' && i + 2 < len && in[i + 2] == '\n');
}

size_t wsp_squeeze_scalar(const char *in, size_t len, char *out) {
    size_t made = 0;
    for (size_t i = 0; i < len; i++) {
        out[made] = in[i] == '\t' ? ' ' : in[i];
        made += !is_dropped(in, i, len);
    }
    return made;
}

size_t wsp_settled_scalar(const char *in, size_t len) {
    size_t i = 0;
    while (i < len && in[i] != '\t' && !is_dropped(in, i, len)) i++;
    return i;
}

static enum wsp_squeeze_kernel best_kernel(void) {
    unsigned best = atomic_load_explicit(&best_allowed, memory_order_relaxed);
    while (!wsp_squeeze_supported((enum wsp_squeeze_kernel)best)) best--;
    return (enum wsp_squeeze_kernel)best;
}

size_t wsp_squeeze(const char *in, size_t len, char *out) {
    switch (best_kernel()) {
    case WSP_SQUEEZE_AVX512: return wsp_squeeze_avx512(in, len, out);
    case WSP_SQUEEZE_AVX2: return wsp_squeeze_avx2(in, len, out);
    default: return wsp_squeeze_scalar(in, len, out);
    }
}

size_t wsp_settled(const char *in, size_t len) {
    return best_kernel() >= WSP_SQUEEZE_AVX2 ? wsp_settled_avx2(in, len) : wsp_settled_scalar(in, len);
}
