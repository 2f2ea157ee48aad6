/* cli/common_input.h -- the messages that a command line names: files, whole folders, standard input.
 * A file is read as mail is stored: an mbox "From " line at the top is skipped, LF line ends are read as CRLF when the
 * file has no CRLF at all. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/bytes.h"

enum { CLI_INPUT_MAX = 1 << 30 }; /* octets of one file */

struct cli_inputs {
    size_t count;
    char **path;
}; /* "-" is standard input */

/* Appends what operand names; a folder: all regular files below it, sorted. False: a sentence was written, *usable says
 * whether the operand itself was at fault (false) or held no message file (true). */
bool cli_inputs_add(struct cli_inputs *inputs, const char *operand, bool *usable);
void cli_inputs_release(struct cli_inputs *inputs);

enum cli_input_status { CLI_INPUT_OK, CLI_INPUT_EMPTY, CLI_INPUT_UNREADABLE };
struct cli_input_notes {
    bool mbox_line;
    const char *problem;
}; /* problem: why it is unreadable, static or strerror's */
/* Reads path as it is into out (empty before). False: *problem says why not. */
bool cli_file_read(const char *path, struct bytes *out, const char **problem);
/* Reads the message in path into out (empty before). */
enum cli_input_status cli_input_read(const char *path, struct bytes *out, struct cli_input_notes *notes);
