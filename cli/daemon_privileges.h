/* cli/daemon_privileges.h -- as whom the daemon runs. Root is for opening only: ports below 1024, keys that only root
 * may read; then it becomes the user of the configuration, for good. Whoever it is: no program that it might start
 * gains privileges, and its memory, keys and mail in it, is in no core file and open to no debugger of the same user.
 * Main thread. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

struct options;

struct daemon_identity {
    bool changes; /* root becomes somebody else */
    bool is_root_unasked; /* it stays root, and nobody said so */
    uid_t user;   /* whoever it is in the end */
    gid_t group;
};

/* Makes sure that options, of the file path, name a user and a group that exist, and counts keys of that user among
 * ours (base/private_file), as long as we are root. False: as below. */
bool daemon_identity_check(const char *path, const struct options *options, char **error);
/* Whom options, of the file path, mean, looked up. False: *error (caller frees; NULL without memory) is one sentence. */
bool daemon_identity_find(const char *path, const struct options *options, struct daemon_identity *out, char **error);
/* Becomes it, in all threads, and makes sure that there is no way back. False: as above, and the process must end. */
bool daemon_identity_take(const struct daemon_identity *identity, char **error);
/* No gain of privileges for this thread and those it will make, no core file, no debugger. */
void daemon_privileges_harden(void);
