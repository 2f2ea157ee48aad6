/* proxy/relay_command.h -- write the client's MAIL or RCPT the way downstream can understand it (RFC 5321, 1870, 3461, 6152,
 * 6531). The line is made anew from what was understood, never copied. Parameters that downstream does not offer are
 * left out: SIZE and BODY only inform, the message stays octet for octet the same; RET, ENVID, NOTIFY and ORCPT cannot
 * come where they are not offered (we offer DSN only when downstream does); AUTH tells nothing to a server without it.
 * Pure but for the buffer. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"

struct smtp_capabilities;
struct smtp_command;

/* Appends the line without CRLF; command is a good MAIL or RCPT. False, and nothing is appended: the address needs
 * SMTPUTF8, which downstream does not offer (553 5.6.7, RFC 6531 section 3.5). Look at out->failed. */
bool relay_command_write(struct bytes *out, const struct smtp_command *command, const struct smtp_capabilities *to);
