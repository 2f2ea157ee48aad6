/* proxy/smtp_command.h -- understand one SMTP or LMTP command line (RFC 5321 section 4.1, 2033, 3461, 6152, 6531,
 * 1870).
 * The line's shape only: whether a command is allowed now, offered here or trusted from this client is the session's
 * business; XFORWARD's and XCLIENT's attributes are xforward's.
 * As liberal as Postfix, whose smtpd_proxy_filter hands the client's own MAIL and RCPT lines through: verbs and
 * keywords in any letter case, white space behind "FROM:", a path without angle brackets, source routes (ignored, RFC
 * 5321 appendix C), dots anywhere in a local part, UTF-8 whether SMTPUTF8 was said or not. As strict as the wire
 * needs: no control octet anywhere, UTF-8 well formed, so that what we write downstream is what was understood here
 * (R-13).
 * Pure: no allocation, I/O, clock or lock. One pass. All spans lie in the line.
 * Limits: SMTP_PATH_MAX, SMTP_DOMAIN_MAX; the line's own comes from line_reader. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

enum {
    SMTP_PATH_MAX = 900,       /* octets; a Return-Path line of it stays below 998 (RFC 5321 asks for 256) */
    SMTP_DOMAIN_MAX = 255,
};

/* id, verb, what its argument looks like:
 * NONE: no argument. TEXT: anything or nothing. WORD: anything, not nothing. FROM, TO: a path and parameters. */
#define SMTP_VERBS(X)                                                                                                  \
    X(SMTP_EHLO, "EHLO", WORD)                                                                                         \
    X(SMTP_LHLO, "LHLO", WORD)                                                                                         \
    X(SMTP_HELO, "HELO", WORD)                                                                                         \
    X(SMTP_MAIL, "MAIL", FROM)                                                                                         \
    X(SMTP_RCPT, "RCPT", TO)                                                                                           \
    X(SMTP_DATA, "DATA", NONE)                                                                                         \
    X(SMTP_RSET, "RSET", NONE)                                                                                         \
    X(SMTP_NOOP, "NOOP", TEXT)                                                                                         \
    X(SMTP_QUIT, "QUIT", NONE)                                                                                         \
    X(SMTP_VRFY, "VRFY", WORD)                                                                                         \
    X(SMTP_EXPN, "EXPN", TEXT)                                                                                         \
    X(SMTP_HELP, "HELP", TEXT)                                                                                         \
    X(SMTP_STARTTLS, "STARTTLS", NONE)                                                                                 \
    X(SMTP_XCLIENT, "XCLIENT", WORD)                                                                                   \
    X(SMTP_XFORWARD, "XFORWARD", WORD)                                                                                 \
    X(SMTP_BDAT, "BDAT", TEXT) /* its payload follows unasked: answer 502 and hang up */                               \
    X(SMTP_AUTH, "AUTH", TEXT)                                                                                         \
    X(SMTP_ETRN, "ETRN", TEXT)                                                                                         \
    X(SMTP_GET, "GET", TEXT)         /* these three: a web client was led to our port, and its request body */         \
    X(SMTP_POST, "POST", TEXT)       /* would be read as commands: hang up (smtp_verb_is_foreign) */                   \
    X(SMTP_CONNECT, "CONNECT", TEXT)                                                                                   \
    X(SMTP_PROXY, "PROXY", TEXT)     /* a balancer whose address we were not told: all its clients would be one */
#define X(id, word, shape) id,
enum smtp_verb { SMTP_VERBS(X) SMTP_VERB_COUNT };
#undef X
const char *smtp_verb_word(enum smtp_verb verb); /* "EHLO" */
bool smtp_verb_is_foreign(enum smtp_verb verb);  /* GET, POST, CONNECT, PROXY */

/* id, reply code, enhanced code, text of the reply */
#define SMTP_COMMAND_STATUSES(X)                                                                                       \
    X(SMTP_COMMAND_OK, 250, "2.0.0", "Ok")                                                                             \
    X(SMTP_COMMAND_EMPTY, 500, "5.5.2", "Empty command line")                                                          \
    X(SMTP_COMMAND_UNKNOWN, 500, "5.5.2", "Command not recognized")                                                    \
    X(SMTP_COMMAND_BAD_OCTET, 501, "5.5.4", "Control character in a command")                                          \
    X(SMTP_COMMAND_SYNTAX, 501, "5.5.4", "Syntax error in arguments")                                                  \
    X(SMTP_COMMAND_NO_ARGUMENT, 501, "5.5.4", "Command takes no arguments")                                            \
    X(SMTP_COMMAND_BAD_SENDER, 501, "5.1.7", "Bad sender address syntax")                                              \
    X(SMTP_COMMAND_BAD_RECIPIENT, 501, "5.1.3", "Bad recipient address syntax")                                        \
    X(SMTP_COMMAND_PARAMETER_UNKNOWN, 555, "5.5.4", "Parameter not recognized")                                        \
    X(SMTP_COMMAND_PARAMETER_VALUE, 501, "5.5.4", "Bad parameter value")                                               \
    X(SMTP_COMMAND_PARAMETER_TWICE, 501, "5.5.4", "Parameter given twice")
#define X(id, code, enhanced, text) id,
enum smtp_command_status { SMTP_COMMAND_STATUSES(X) SMTP_COMMAND_STATUS_COUNT };
#undef X
unsigned smtp_command_status_code(enum smtp_command_status status);         /* 501 */
const char *smtp_command_status_enhanced(enum smtp_command_status status);  /* "5.5.4" */
const char *smtp_command_status_text(enum smtp_command_status status);

#define SMTP_PARAMETERS(X)                                                                                             \
    X(SMTP_SIZE, "SIZE", SMTP_MAIL)         /* RFC 1870: digits */                                                     \
    X(SMTP_BODY, "BODY", SMTP_MAIL)         /* RFC 6152: 7BIT or 8BITMIME */                                           \
    X(SMTP_SMTPUTF8, "SMTPUTF8", SMTP_MAIL) /* RFC 6531: no value */                                                   \
    X(SMTP_RET, "RET", SMTP_MAIL)           /* RFC 3461: FULL or HDRS */                                               \
    X(SMTP_ENVID, "ENVID", SMTP_MAIL)       /* RFC 3461: xtext */                                                      \
    X(SMTP_MAIL_AUTH, "AUTH", SMTP_MAIL)    /* RFC 4954: xtext, or <> */                                               \
    X(SMTP_NOTIFY, "NOTIFY", SMTP_RCPT)     /* RFC 3461: NEVER, or SUCCESS, FAILURE, DELAY with commas */              \
    X(SMTP_ORCPT, "ORCPT", SMTP_RCPT)       /* RFC 3461: type;xtext */
#define X(id, word, verb) id,
enum smtp_parameter_kind { SMTP_PARAMETERS(X) SMTP_PARAMETER_COUNT };
#undef X
const char *smtp_parameter_word(enum smtp_parameter_kind kind); /* "SIZE" */

struct smtp_parameter {
    enum smtp_parameter_kind kind;
    bool has_value;
    struct span value; /* as written; checked for its kind */
};

struct smtp_command {
    enum smtp_verb verb;
    struct span argument;   /* all behind the verb, without white space at both ends */
    struct span path;       /* MAIL, RCPT: without <> and source route, quotes kept; empty: <> */
    struct span local_part; /* path up to its @ outside quotes, quotes kept; all of path without one */
    struct span domain;     /* behind that @; with [] when it is an address literal; empty without one */
    size_t parameter_count;
    struct smtp_parameter parameter[SMTP_PARAMETER_COUNT]; /* each kind at most once, in order of appearance */
    bool has_size;
    uint64_t size;          /* of SIZE=; UINT64_MAX when the number is larger still */
    bool smtputf8;          /* SMTPUTF8 was said */
    bool path_is_ascii;
};

/* Parses line, which is one command without its CRLF and must outlive *out. On any status but SMTP_COMMAND_OK, verb is
 * set when it was recognized (SMTP_VERB_COUNT: not), and the rest of *out is not to be used. */
enum smtp_command_status smtp_command_parse(struct span line, struct smtp_command *out);
/* The parameter of that kind, NULL when absent. */
const struct smtp_parameter *smtp_command_find(const struct smtp_command *command, enum smtp_parameter_kind kind);
