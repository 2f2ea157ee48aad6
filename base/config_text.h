/* base/config_text.h -- a configuration file's text, looked over before libconfuse sees it.
 * libconfuse takes an unclosed section for a closed one, skips characters it does not know, and after an unclosed
 * string reads the next file as if it went on inside that string, which a daemon would meet at its next reload. So
 * these are found here: NUL and control octets, strings and comments without end, braces that do not pair, a * outside
 * of quotes.
 * Pure: no allocation, I/O, clock or lock. One pass. */
#pragma once
#include <stdbool.h>
#include "base/span.h"

#define CONFIG_TEXT_STATUSES(X)                                                                                        \
    X(CONFIG_TEXT_OK, "sound")                                                                                         \
    X(CONFIG_TEXT_CONTROL, "there is a control character: this is no text file")                                       \
    X(CONFIG_TEXT_OPEN_STRING, "this string is never closed")                                                          \
    X(CONFIG_TEXT_BAD_ESCAPE, "in double quotes \\ stands before \\, \", ', $ or the end of a line only")              \
    X(CONFIG_TEXT_OPEN_COMMENT, "this comment is never closed")                                                        \
    X(CONFIG_TEXT_OPEN_BRACE, "this '{' is never closed")                                                              \
    X(CONFIG_TEXT_STRAY_BRACE, "this '}' closes nothing")                                                              \
    X(CONFIG_TEXT_TOO_DEEP, "braces stand inside braces inside braces: nothing here is nested so deep")                \
    X(CONFIG_TEXT_STRAY_STAR, "'*' must stand in quotes")
#define X(id, text) id,
enum config_text_status { CONFIG_TEXT_STATUSES(X) CONFIG_TEXT_STATUS_COUNT };
#undef X
const char *config_text_status_text(enum config_text_status status);

/* *line: on any status but CONFIG_TEXT_OK, the line at which the trouble begins, counted from 1. */
enum config_text_status config_text_check(struct span text, unsigned *line);
