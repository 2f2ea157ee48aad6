/* rules/value_list.h -- a list of values in a file of its own, which rules ask whether a value is in it: domains,
 * mailboxes, networks or words, up to VALUE_LIST_ENTRIES_MAX of them. The file: one entry a line, white space around it
 * and empty lines ignored, '#' at the start of a line or behind white space begins a comment; LF or CRLF ends a line.
 * An entry that is written twice counts once. domains    mabanque.fr (itself only) or .mabanque.fr (itself and
 * everything below); U-labels or A-labels, any case mailboxes  user@domain (itself), @domain (everybody there);
 * compared without regard to the case of A-Z, domain as above networks   192.0.2.1, 192.0.2.0/24, 2001:db8::/32 words
 * anything else; white space inside a word counts, the case of A-Z does not A list is immutable: any thread may ask.
 * Allocates with malloc; value_list_load reads the file, nothing else does I/O; no clock or lock. Cost: a question of
 * 30 octets takes about 50 ns in a list that lies in the cache, a domain one question for each of its labels, an
 * address a binary search. Memory: at most twice the octets of the entries, and 10 to 18 a name; 8 to 16 a v4 and 32 to
 * 64 a v6 network. Limits: the enum below. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

enum {
    VALUE_LIST_ENTRIES_MAX = 2000000,
    VALUE_LIST_FILE_MAX = 256 << 20, /* octets */
    VALUE_LIST_ENTRY_MAX = 320,      /* octets of one entry: the longest mailbox */
    VALUE_LIST_ERROR_MAX = 600,      /* octets of an error's sentence with its final NUL */
};

enum value_list_kind { VALUE_LIST_DOMAINS, VALUE_LIST_MAILBOXES, VALUE_LIST_NETWORKS, VALUE_LIST_WORDS };

struct value_list;

struct value_list_error {
    size_t line;                     /* from 1; 0: the file as a whole */
    char text[VALUE_LIST_ERROR_MAX]; /* "FILE:LINE: sentence", without line where it is 0 */
};

/* Reads the file at path, a regular one. NULL: *error says why. */
struct value_list *value_list_load(const char *path, enum value_list_kind kind, struct value_list_error *error);
/* The same from text; name stands for the file in errors. */
struct value_list *value_list_read(struct span text, const char *name, enum value_list_kind kind,
                                   struct value_list_error *error);
void value_list_destroy(struct value_list *list); /* accepts NULL */

size_t
value_list_count(const struct value_list *list); /* distinct entries; networks: ranges, those that touch are one */
size_t value_list_octets(const struct value_list *list); /* of memory */

/* Mailboxes and words. Any case; a mailbox's domain as A-labels. False for other kinds, here and below. */
bool value_list_has(const struct value_list *list, struct span value);
/* Domains: lower-case A-labels, without a final dot. */
bool value_list_has_domain(const struct value_list *list, struct span domain);
/* Domains: the same, or any entry, with or without its dot, stands for what lies below it as well. */
bool value_list_has_domain_or_above(const struct value_list *list, struct span domain);
/* Networks: 4 octets (is_v4) or 16; a v4-mapped v6 address is looked for as v4. */
bool value_list_has_address(const struct value_list *list, const uint8_t *address, bool is_v4);
