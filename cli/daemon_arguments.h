/* cli/daemon_arguments.h -- sceaud's command line. Writes to standard output and error; main thread, once. */
#pragma once
#include <stdbool.h>

enum daemon_mode { DAEMON_SERVE, DAEMON_CHECK, DAEMON_DUMP, DAEMON_HELP, DAEMON_VERSION };

struct daemon_arguments {
    enum daemon_mode mode;
    const char *path; /* of the configuration; borrowed from argv, or the default */
};

/* False: one sentence was written to standard error; exit with DAEMON_USAGE. */
bool daemon_arguments_read(int count, char **argument, struct daemon_arguments *out);
/* What --help and --version print. */
void daemon_arguments_help(void);
void daemon_arguments_version(void);
