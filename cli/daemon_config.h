/* cli/daemon_config.h -- the configuration with everything that can be found wrong before serving: besides options_read,
 * the name in header fields and the files that it names. What --check does, and a reload before it believes a file.
 * Reads files; main thread. */
#pragma once
#include <stdbool.h>

struct options;

/* One reference, or NULL: *error (caller frees; NULL without memory) is one sentence. */
struct options *daemon_config_read(const char *path, char **error);
/* Whether its certificates have not expired. A start goes on with one that has, since a client may take it and without us
 * there is no mail at all; --check and a reload, behind which better ones stand, do not. False: *error as above. */
bool daemon_config_is_valid(const char *path, const struct options *options, char **error);
