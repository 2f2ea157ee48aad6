/* base/whole_file.h -- the octets of a file that everybody may read, whole: lists that a distribution installs. For keys
 * there is private_file. Waits for the disk: not on an event loop that serves. Any thread. */
#pragma once
#include "base/bytes.h"

/* Reads at most cap octets of path into *out, which the caller releases whatever comes. False: the file cannot be read,
 * is larger, or there is no memory; *out is then empty. */
bool whole_file_read(const char *path, size_t cap, struct bytes *out);
