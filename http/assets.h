/* http/assets.h -- the files that pages load: style sheet and icon. They stand in http/web/, and the build writes them into
 * the program (cmake/web.cmake). An asset's path holds a hash of its octets: what a browser kept is never out of date.
 * Pure. */
#pragma once
#include <stddef.h>
#include "base/span.h"

struct asset {
    const char *file; /* "style.css" */
    const char *path; /* "/assets/style.0123456789ab.css" */
    const char *content_type;
    const unsigned char *octets;
    size_t len;
};
extern const struct asset assets[]; /* made by the build */
extern const size_t asset_count;

const char *asset_path(const char *file);         /* of a file that is there */
const struct asset *asset_find(struct span path); /* NULL: there is none of this path */
