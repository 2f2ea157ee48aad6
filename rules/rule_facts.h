/* rules/rule_facts.h -- the facts of facts.def: what each is, and its value for a message.
 * A rule_view is one message as rules see it. What costs something to work out (the author's address, names as
 * A-labels, the memory's answers) is worked out once, when first asked for. Pure but for the view's arena and the
 * callbacks of rule_input. Thread rule: one thread a view. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/bytes.h"
#include "base/span.h"
#include "rules/rule_words.h"

struct rule_input;

enum rule_fact_id {
#define FACT(id, name, type, scope, unit, words, family, source, help) id,
#include "rules/facts.def"
#undef FACT
    FACT_COUNT
};

#define RULE_TYPES(X)                                                                                                  \
    X(BOOL, 'b', "a condition", "true or false")                                                                       \
    X(INTEGER, 'i', "a number", "a number")                                                                            \
    X(TEXT, 't', "a text", "a text in quotes")                                                                         \
    X(DOMAIN, 'd', "a domain", "a domain in quotes")                                                                   \
    X(MAILBOX, 'm', "a mailbox", "an address in quotes, \"someone@example.com\"")                                      \
    X(ADDRESS, 'a', "an IP address", "an address or network, as in 192.0.2.1 or 10.0.0.0/8")                           \
    X(WORD, 'w', "a word", "one of its words, without quotes")
#define X(name, letter, text, operand) RULE_##name,
enum rule_type { RULE_TYPES(X) RULE_TYPE_COUNT };
#undef X
enum rule_scope { RULE_SCOPE_MESSAGE, RULE_SCOPE_SIGNATURE, RULE_SCOPE_RECIPIENT, RULE_SCOPE_FINDING };
enum rule_unit { RULE_UNIT_NONE, RULE_UNIT_COUNT, RULE_UNIT_BITS, RULE_UNIT_OCTETS, RULE_UNIT_SECONDS };
enum rule_family {
    RULE_FAMILY_OTHER,
    RULE_FAMILY_DKIM,
    RULE_FAMILY_ALIGNED,
    RULE_FAMILY_SPF,
    RULE_FAMILY_DMARC,
    RULE_FAMILY_ARC,
    RULE_FAMILY_IPREV,
};

struct rule_fact {
    const char *name;
    enum rule_type type;
    enum rule_scope scope;
    enum rule_unit unit;
    enum rule_word_list words;
    enum rule_family family;
    const char *source, *help;
};
extern const struct rule_fact rule_facts[FACT_COUNT];
char rule_type_letter(enum rule_type type);
const char *rule_type_text(enum rule_type type);    /* "a domain" */
const char *rule_type_operand(enum rule_type type); /* what it is compared with */
const char *rule_scope_word(enum rule_scope scope); /* "signature"; as any and all name it */
const char *rule_unit_word(enum rule_unit unit);
bool rule_facts_find(struct span name, enum rule_fact_id *out);

struct rule_value {
    enum rule_type type;
    int64_t number;         /* BOOL, INTEGER, WORD (its index) */
    struct span text;       /* TEXT, DOMAIN (lower-case A-labels), MAILBOX (lower case, A-labels) */
    const uint8_t *address; /* ADDRESS: 4 octets when is_v4, else 16 */
    bool is_v4;
};

struct rule_view {
    const struct rule_input *input;
    struct arena *arena;
    bool is_overridden;          /* by a rule before; callers set it */
    bool no_memory;              /* a value could not be worked out; it came as absent */
    struct rule_view_memo *memo; /* rule_facts.c's own */
};

/* False: no memory. */
bool rule_view_init(struct rule_view *view, const struct rule_input *input, struct arena *arena);
/* How many values a fact of this scope has. */
size_t rule_view_count(const struct rule_view *view, enum rule_scope scope);
/* The index-th value (0 for the message). False: it is absent (or no_memory). Spans live as long as input and arena. */
bool rule_view_read(struct rule_view *view, enum rule_fact_id fact, size_t index, struct rule_value *out);
/* Appends a value as people read it; fact tells the words. */
void rule_value_write(struct bytes *out, const struct rule_value *value, enum rule_word_list words);

/* Lower case, the domain part as A-labels; *out is empty when text is no mailbox. "@domain" is one, too (i=). False:
 * the arena is spent. */
bool rule_mailbox_normal(struct span text, struct arena *arena, struct span *out);
