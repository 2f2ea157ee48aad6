/* base/private_file.h -- open a file that holds a secret, a private key, and make sure that it is one.
 * The file is a regular one, root's or ours, and nobody else may use it (mode 0600 or less). Symbolic links are
 * followed only where nobody else can have placed or moved them: each link and each folder on the way is root's or
 * ours, and others cannot write to the folder (or only to what is theirs in it: the sticky bit). So a link that certbot
 * keeps in live/ is good, one in /tmp of another user is not. What is opened is what was looked at: no name is looked
 * up twice. "Ours": the effective user's, and the one's that was named to private_file_trust. A FIFO does not hold us
 * up. Reads the file system; thread rule: both from the main thread. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#define PRIVATE_FILE_STATUSES(X)                                                                                       \
    X(PRIVATE_FILE_OK, "ok")                                                                                           \
    X(PRIVATE_FILE_UNREADABLE, "it cannot be opened") /* errno says why */                                             \
    X(PRIVATE_FILE_NO_FILE, "this is no file")                                                                         \
    X(PRIVATE_FILE_BAD_LINK,                                                                                           \
      "a symbolic link leads there that others can change: it, and its folders, must be ours or root's")               \
    X(PRIVATE_FILE_EXPOSED, "group or others may use it: it needs mode 0600 or 0400")                                  \
    X(PRIVATE_FILE_FOREIGN, "it belongs to another user")                                                              \
    X(PRIVATE_FILE_TOO_LARGE, "it is too large for a key")
#define X(id, text) id,
enum private_file_status { PRIVATE_FILE_STATUSES(X) PRIVATE_FILE_STATUS_COUNT };
#undef X
const char *private_file_status_text(enum private_file_status status);

/* Files of owner are ours as well: the user that the process, still root's, is about to become. */
void private_file_trust(uid_t owner);
/* *fd: open for reading, at most max octets long; -1 on any status but PRIVATE_FILE_OK. */
enum private_file_status private_file_open(const char *path, size_t max, int *fd);
