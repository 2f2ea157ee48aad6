#include "verifier/wsp_squeeze.h"
#include <stdatomic.h>
#include "base/ascii.h"

static atomic_uint best_allowed = WSP_SQUEEZE_KERNEL_COUNT - 1;

const char *wsp_squeeze_kernel_name(enum wsp_squeeze_kernel kernel) {
#define X(id, name, run) [id] = name,
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

size_t wsp_squeeze_scalar(const char *in, size_t len, char *out) {
    size_t made = 0;
    for (size_t i = 0; i < len; i++) {
        char c = in[i];
        bool dropped = false;
        if (ascii_is_wsp(c)) { /* never the last octet */
            c = ' ';
            dropped = ascii_is_wsp(in[i + 1]) || (in[i + 1] == '\r' && i + 2 < len && in[i + 2] == '\n');
        }
        out[made] = c;
        made += !dropped;
    }
    return made;
}

size_t wsp_squeeze(const char *in, size_t len, char *out) {
#if defined(__x86_64__)
    unsigned best = atomic_load_explicit(&best_allowed, memory_order_relaxed);
    if (best >= WSP_SQUEEZE_AVX512 && wsp_squeeze_supported(WSP_SQUEEZE_AVX512)) return wsp_squeeze_avx512(in, len, out);
    if (best >= WSP_SQUEEZE_AVX2 && wsp_squeeze_supported(WSP_SQUEEZE_AVX2)) return wsp_squeeze_avx2(in, len, out);
#endif
    return wsp_squeeze_scalar(in, len, out);
}
