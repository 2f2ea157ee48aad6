#include "http/assets.h"
#include <assert.h>
#include <string.h>

const char *asset_path(const char *file) {
    size_t at = 0;
    while (at < asset_count && strcmp(assets[at].file, file) != 0) at++;
    assert(at < asset_count);
    return assets[at].path;
}

const struct asset *asset_find(struct span path) {
    for (size_t i = 0; i < asset_count; i++)
        if (span_is(path, assets[i].path)) return &assets[i];
    return NULL;
}
