/* rules/rule_expect.h -- a test of rules: which rule files, which messages under which circumstances, and what is
 * expected. rules "bank.rules"            zone "test.zone"            now 1764000000 expect "a message without
 * signature is refused" { message "unsigned.eml"    client 192.0.2.1    helo "mx.example.com"    from "a@example.com"
 * to "b@example.net" verdict reject    rule "bank must sign"    code 550    enhanced 5.7.22    text "No signature"
 *     }
 * Its words are those of rule files; mistakes are written down in the same way. Paths are as they stand; they begin at
 * the folder of the test file. Pure but for arena. */
#pragma once
#include "base/arena.h"
#include "rules/rule_outcome.h"
#include "rules/rule_source.h"

struct rule_expect_text { /* one of several: C strings, in the arena */
    const char *text;
    struct rule_expect_text *next;
};

/* What the parts of an expect block are: id, word, kind of value, help. */
#define RULE_EXPECT_PARTS(X)                                                                                           \
    X(EXPECT_MESSAGE, "message", TEXT, "file of the message; needed once")                                             \
    X(EXPECT_CLIENT, "client", ADDRESS, "IP address of the client")                                                    \
    X(EXPECT_HELO, "helo", TEXT, "HELO name")                                                                          \
    X(EXPECT_FROM, "from", TEXT, "reverse-path, empty for the null sender")                                            \
    X(EXPECT_TO, "to", TEXT, "forward-path; any number")                                                               \
    X(EXPECT_VERDICT, "verdict", VERDICT, "accept reject tempfail discard quarantine")                                 \
    X(EXPECT_SHADOW_VERDICT, "shadow", VERDICT, "the verdict if shadow rules were armed")                              \
    X(EXPECT_RULE, "rule", TEXT, "the rule that decided; empty: none, the default did")                                \
    X(EXPECT_HIT, "hit", TEXT, "a rule that applied, in whatever mode; any number")                                    \
    X(EXPECT_MISS, "miss", TEXT, "a rule that did not apply; any number")                                              \
    X(EXPECT_CODE, "code", NUMBER, "reply code")                                                                       \
    X(EXPECT_ENHANCED, "enhanced", ADDRESS, "enhanced code")                                                           \
    X(EXPECT_TEXT, "text", TEXT, "stands in the reply, or in the reason of a quarantine")                              \
    X(EXPECT_FIELD, "field", TEXT, "a field that is added, as \"Name: value\"; any number")
#define X(id, word, kind, help) id,
enum rule_expect_part { RULE_EXPECT_PARTS(X) EXPECT_PART_COUNT };
#undef X
const char *rule_expect_word(enum rule_expect_part part);
const char *rule_expect_help(enum rule_expect_part part);

struct rule_expect {
    const char *name;
    unsigned line;
    struct rule_expect_text *part[EXPECT_PART_COUNT]; /* values in order, NULL: not given; numbers and words as text */
    struct rule_expect *next;
};

struct rule_expect_file {
    struct rule_expect_text *rules, *zones;
    const char *now; /* NULL: not given */
    bool arm_discard, all_shadow;
    struct rule_expect *first;
};

/* Reads text, which must outlive errors' making only. False: mistakes were written down, or (errors->count 0) there was
 * no memory. */
bool rule_expect_read(const struct rule_source *source, struct arena *arena, struct rule_errors *errors,
                      struct rule_expect_file *out);
