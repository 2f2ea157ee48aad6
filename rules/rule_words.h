/* rules/rule_words.h -- the words that facts of type WORD take, by list: those of verifier/result.h and a few of ours.
 * Pure; no list is longer than 64 words, so that a set of them is one integer. */
#pragma once

#define RULE_WORD_LISTS(X)                                                                                             \
    X(NONE)                                                                                                            \
    X(RESULT)                                                                                                          \
    X(DKIM_CODE) X(CAUSE) X(PART) X(KEY_TYPE) X(DNSSEC) X(ARC_CODE) X(SPF_CODE) X(SPF_SCOPE) X(DMARC_CODE) X(POLICY)   \
        X(PROTOCOL)
#define X(name) RULE_WORDS_##name,
enum rule_word_list { RULE_WORD_LISTS(X) RULE_WORD_LIST_COUNT };
#undef X

enum { RULE_WORDS_MAX = 64 };

/* The index-th word of a list; NULL behind the last. */
const char *rule_word(enum rule_word_list list, unsigned index);
