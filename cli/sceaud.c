/* cli/sceaud.c -- the daemon's command: what it is asked to do, and its exit code. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/options.h"
#include "cli/daemon_arguments.h"
#include "cli/daemon_config.h"
#include "cli/daemon_serve.h"

static enum daemon_exit read_and_end(const struct daemon_arguments *arguments) {
    char *error = NULL;
    struct options *options = daemon_config_read(arguments->path, &error);
    bool is_valid =
        options != NULL && (arguments->mode == DAEMON_DUMP || daemon_config_is_valid(arguments->path, options, &error));
    if (!is_valid) {
        options_release(options);
        fprintf(stderr, "sceaud: %s\n", error != NULL ? error : "out of memory");
        free(error);
        return DAEMON_CONFIG;
    }
    if (arguments->mode == DAEMON_DUMP) options_dump(options, stdout);
    options_release(options);
    return fflush(stdout) == 0 ? DAEMON_OK : DAEMON_UNAVAILABLE;
}

int main(int count, char **argument) {
    struct daemon_arguments arguments;
    if (!daemon_arguments_read(count, argument, &arguments)) return DAEMON_USAGE;
    switch (arguments.mode) {
    case DAEMON_CHECK:
    case DAEMON_DUMP: return read_and_end(&arguments);
    case DAEMON_HELP: daemon_arguments_help(); return DAEMON_OK;
    case DAEMON_VERSION: daemon_arguments_version(); return DAEMON_OK;
    case DAEMON_SERVE: break;
    }
    return daemon_serve(arguments.path);
}
