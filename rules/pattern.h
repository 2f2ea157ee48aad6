/* rules/pattern.h -- one regular expression of a rule: compiled by PCRE2, run with limits that always hold.
 * pattern.c is the only file that includes pcre2.h. Patterns come from the operator only, subjects from anybody.
 *
 * Octets or characters: without PATTERN_CHARACTERS a pattern sees octets; '.' is one octet, case is that of A-Z, and no
 * subject is ever malformed. With it pattern and subject are UTF-8, case is Unicode's, and octets of the subject that
 * are no UTF-8 match nothing (PCRE2_MATCH_INVALID_UTF), not even '.'. A pattern without the flag that holds octets
 * above 127 in a class, or anywhere when case is ignored, would not mean what it says: it is refused with the flag as
 * the cure.
 * '$' is the end of the subject, not the place before a last line end (but of every line with PATTERN_LINES). Verbs
 * that begin a pattern, such as (*UTF), can only lower what is set here, or are refused; \C is refused.
 *
 * What a run may cost: PCRE2's own limits hold for one place at which a match is tried, so that a subject of n octets
 * may cost n times as much. Therefore every item of a pattern is counted as it is tried (PCRE2_AUTO_CALLOUT), over all
 * places, together with the octets it moved over, and more where a single item can look far and fail: PATTERN_STEPS_MAX
 * ends the run at the same step on every machine, busy or not. A run that was ended is PATTERN_UNDECIDED with its
 * reason: not a match, not a mismatch; the caller counts it.
 *
 * Thread rule: a pattern is immutable and may be used from any thread; a scratch belongs to one thread (one a worker).
 * Allocates with malloc, in pattern_compile and pattern_scratch_create, and inside PCRE2 up to PATTERN_HEAP_KIB a
 * scratch. No I/O, clock or lock. Cost: about 10 ns an item tried. Limits: the enum below. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"

enum {
    PATTERN_TEXT_MAX = 4096,     /* octets of a pattern */
    PATTERN_NESTING_MAX = 50,    /* parentheses in parentheses */
    PATTERN_SUBJECT_MAX = 65536, /* octets of a subject; a longer one is undecided */
    PATTERN_STEPS_MAX = 30000,   /* items tried in one run; 16 octets moved over count as one */
    PATTERN_MATCH_LIMIT = 20000, /* PCRE2's own, for each place */
    PATTERN_DEPTH_LIMIT = 2000,
    PATTERN_HEAP_KIB = 512,
    PATTERN_ERROR_MAX = 256, /* octets of an error's sentence with its final NUL */
};

enum {
    PATTERN_NOCASE = 1,     /* i */
    PATTERN_LINES = 2,      /* m: ^ and $ at each line */
    PATTERN_DOT_ALL = 4,    /* s: . is a line end as well */
    PATTERN_EXTENDED = 8,   /* x: white space and # comments are not part of it */
    PATTERN_CHARACTERS = 16 /* u: UTF-8 */
};
/* The flag of a letter (i m s x u); 0 for any other. */
unsigned pattern_flag(char letter);

struct pattern;
struct pattern_scratch;

#define PATTERN_RESULTS(X)                                                                                             \
    X(PATTERN_MISMATCH, "no match")                                                                                    \
    X(PATTERN_MATCH, "match")                                                                                          \
    X(PATTERN_UNDECIDED, "not evaluated")
#define X(id, text) id,
enum pattern_result { PATTERN_RESULTS(X) PATTERN_RESULT_COUNT };
#undef X
const char *pattern_result_text(enum pattern_result result);

/* Why a run was undecided. */
#define PATTERN_REASONS(X)                                                                                             \
    X(PATTERN_DECIDED, "decided")                                                                                      \
    X(PATTERN_STEPS, "step limit")          /* ours, or PCRE2's match limit (-47) */                                   \
    X(PATTERN_HEAP, "heap limit")           /* -63 */                                                                  \
    X(PATTERN_DEPTH, "depth limit")         /* -53 */                                                                  \
    X(PATTERN_JIT_STACK, "JIT stack limit") /* -46 */                                                                  \
    X(PATTERN_SUBJECT_TOO_LONG, "subject too long")                                                                    \
    X(PATTERN_NO_MEMORY, "out of memory") /* -48 */                                                                    \
    X(PATTERN_FAILED, "failed")           /* anything else: a pattern that calls itself for ever (-52) ... */
#define X(id, text) id,
enum pattern_reason { PATTERN_REASONS(X) PATTERN_REASON_COUNT };
#undef X
const char *pattern_reason_text(enum pattern_reason reason);

struct pattern_error {
    size_t offset;                /* octet of text at which it is wrong; up to its length */
    char text[PATTERN_ERROR_MAX]; /* a sentence without a final dot */
};

/* Compiles text (not kept); flags: PATTERN_NOCASE ... With use_jit machine code is made of it where the machine can:
 * faster runs, but writable code pages. NULL: *error says where and why. */
struct pattern *pattern_compile(struct span text, unsigned flags, bool use_jit, struct pattern_error *error);
void pattern_destroy(struct pattern *pattern); /* accepts NULL */

struct pattern_scratch *pattern_scratch_create(void);          /* NULL: no memory */
void pattern_scratch_destroy(struct pattern_scratch *scratch); /* accepts NULL */

/* Looks for the pattern in subject. *reason (may be NULL) is PATTERN_DECIDED unless the result is PATTERN_UNDECIDED. */
enum pattern_result pattern_run(const struct pattern *pattern, struct span subject, struct pattern_scratch *scratch,
                                enum pattern_reason *reason);
/* Steps of the scratch's last run, for benches and explanations. */
size_t pattern_scratch_steps(const struct pattern_scratch *scratch);
