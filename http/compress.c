#include "http/compress.h"
#include <limits.h>
#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8, LEVEL = 5 }; /* +16: gzip instead of zlib's own wrapper */

bool compress_gzip(struct span octets, struct bytes *out) {
    z_stream stream = {0};
    if (octets.len > UINT_MAX / 2) return false;
    if (deflateInit2(&stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) return false;
    uLong bound = deflateBound(&stream, (uLong)octets.len);
    bool ok = bound <= UINT_MAX && bytes_reserve(out, bound);
    if (ok) {
        stream.next_in = (Bytef *)(uintptr_t)octets.ptr; /* zlib only reads it */
        stream.avail_in = (uInt)octets.len;
        stream.next_out = (Bytef *)out->ptr + out->len;
        stream.avail_out = (uInt)bound;
        ok = deflate(&stream, Z_FINISH) == Z_STREAM_END;
        if (ok) out->len += bound - stream.avail_out;
    }
    deflateEnd(&stream);
    return ok;
}
