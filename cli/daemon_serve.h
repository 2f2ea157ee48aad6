/* cli/daemon_serve.h -- the daemon's life: listen, start the threads, follow signals, drain, end.
 * SIGHUP: the configuration is read again. SIGTERM, SIGINT: messages in flight finish; the same signal once more ends
 * at once, which loses nothing that was acknowledged. Main thread; returns when everything has ended. */
#pragma once
#include "cli/daemon_exit.h"

/* path: the configuration's file. */
enum daemon_exit daemon_serve(const char *path);
