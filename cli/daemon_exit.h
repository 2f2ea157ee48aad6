/* cli/daemon_exit.h -- sceaud's exit codes: those of sysexits(3) that service managers know. */
#pragma once

enum daemon_exit {
    DAEMON_OK = 0,
    DAEMON_USAGE = 64,        /* the command line */
    DAEMON_UNAVAILABLE = 69,  /* cannot listen, or a file or directory it works with is not usable */
    DAEMON_NO_RESOURCES = 71, /* no memory, descriptors or threads */
    DAEMON_CONFIG = 78,       /* the configuration, or a file that it names */
};
