/* cli/daemon_config.h -- the configuration with everything that can be found wrong before serving: besides options_read,
 * the name in header fields and the files that it names. What --check does, and a reload before it believes a file.
 * Reads files; main thread. */
#pragma once

struct options;

/* One reference, or NULL: *error (caller frees; NULL without memory) is one sentence. */
struct options *daemon_config_read(const char *path, char **error);
