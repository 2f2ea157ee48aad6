/* rules/rule_outcome.h -- what the rules say about one message. Pure data. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

enum {
    RULE_EDITS_MAX = 64, /* of one message: further ones count as errors of their rule */
    RULE_TEXT_MAX = 900, /* octets of one text with its values put in; what goes beyond is cut */
};

#define RULE_VERDICTS(X)                                                                                               \
    X(RULE_ACCEPT, "accept")                                                                                           \
    X(RULE_REJECT, "reject")                                                                                           \
    X(RULE_TEMPFAIL, "tempfail")                                                                                       \
    X(RULE_DISCARD, "discard")       /* 250, and the message is gone */                                                \
    X(RULE_QUARANTINE, "quarantine") /* delivered, marked (one of the edits) or to another downstream */
#define X(id, word) id,
enum rule_verdict { RULE_VERDICTS(X) RULE_VERDICT_COUNT };
#undef X

enum { RULE_NONE = 0xffffffff }; /* no rule: the default decided */

struct rule_decision {
    enum rule_verdict verdict;
    uint32_t rule;          /* index; RULE_NONE: the file's default */
    bool is_on_error;       /* not its condition but its evaluation error decided */
    unsigned code;          /* reject, tempfail: 5yz or 4yz */
    struct span enhanced;   /* "5.7.20" */
    struct span text;       /* of the reply, or the reason: printable ASCII, one line */
    struct span downstream; /* quarantine: its name, empty: a field marks the message */
};

enum rule_edit_kind { RULE_ADD_FIELD, RULE_REMOVE_FIELD, RULE_TAG_SUBJECT, RULE_REDIRECT };
struct rule_edit {
    enum rule_edit_kind kind;
    uint32_t rule;
    struct span name; /* of the field to add, or to remove in all its instances */
    struct span
        value; /* of the field (printable ASCII, not folded), before the subject, or the only recipient from now on */
};

enum rule_event_kind {
    RULE_EVENT_HIT,    /* its condition held, its actions took place */
    RULE_EVENT_SHADOW, /* its condition held in mode shadow: nothing took place */
    RULE_EVENT_ERROR,  /* could not be evaluated (pattern over its limit, memory) or carried out */
    RULE_EVENT_SHADOW_ERROR,
};
struct rule_event {
    enum rule_event_kind kind;
    uint32_t rule;
    struct span log; /* text of its action log; empty: none */
};

enum rule_truth { RULE_FALSE, RULE_TRUE, RULE_UNKNOWN /* an evaluation error */ };
/* One comparison that was looked at, in order, as `sceau rules run` shows it. */
struct rule_trace {
    uint32_t rule;
    bool is_rule; /* the whole condition; the comparisons of the same rule stand before it */
    enum rule_truth truth;
    struct span text;  /* as it stands in the file */
    struct span value; /* of the fact on its left; several with commas; escaped to printable octets */
    bool has_value;    /* false: absent */
};

struct rule_outcome {
    struct rule_decision decision;
    struct rule_decision shadow; /* what it would have been with the shadow rules armed */
    size_t edit_count, event_count, trace_count;
    const struct rule_edit *edit; /* of armed rules that applied, in order; to be dropped when the message is refused */
    const struct rule_event *event; /* in order of the rules */
    const struct rule_trace *trace; /* only where asked for */
    bool is_overridden;
    struct span override_reason; /* of the action override */
    uint32_t pattern_failures;   /* patterns that were not evaluated */
};
