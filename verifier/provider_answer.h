/* verifier/provider_answer.h -- what a mail provider's panel or API says about a domain's DKIM set-up, pasted as it is.
 * Reads by pattern, not by grammar: JSON, JSON with its commas or quotes missing, "name: value" lines, sentences with
 * two names in them, lines of a zone file, lists of selector names. It looks for selectorName, customerRecord,
 * targetRecord, cname ("X CNAME Y"), status, activeSelector, message, the error codes 501 to 504 and 404, and for names
 * that have
 * "_domainkey" (or "domainkey", which is a slip) in them: the first of two is the record's, the second its target.
 * Pure but for arena; no recursion; spans live in arena or in text, which must outlive the answer. Cost: one pass.
 * Limits: PROVIDER_TEXT_MAX octets are read, PROVIDER_SELECTORS_MAX selectors kept. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/json_fault.h"
#include "base/span.h"
#include "verifier/finding.h"

enum { PROVIDER_TEXT_MAX = 64 * 1024, PROVIDER_SELECTORS_MAX = 8 };

enum provider_claim { PROVIDER_CLAIM_NONE, PROVIDER_CLAIM_RIGHT, PROVIDER_CLAIM_WRONG }; /* about the DNS */

enum provider_state {
    PROVIDER_UNTOLD,
#define PROVIDER_STATE(id, word, claim, finding) id,
#include "verifier/provider_states.def"
#undef PROVIDER_STATE
    PROVIDER_STATE_COUNT
};
const char *provider_state_word(enum provider_state state); /* "toSet" ...; NULL for UNTOLD */
enum provider_claim provider_state_claim(enum provider_state state);
enum finding_id provider_state_finding(enum provider_state state); /* FINDING_COUNT: none */

struct provider_selector {
    struct span selector; /* as the provider calls it; empty: not told */
    struct span name;     /* the record's, without final dot, with its underscore; empty: not told */
    struct span target;   /* likewise; empty: not told */
    struct span name_as_written, target_as_written; /* set when an underscore was missing */
    enum provider_state state;
};

struct provider_answer {
    size_t count;
    struct provider_selector selector[PROVIDER_SELECTORS_MAX];
    enum provider_state state; /* of the whole */
    struct span active;        /* activeSelector; empty: none told */
    unsigned code;             /* 501 to 504, 404; 0: none */
    struct span unknown;       /* 404: the selector that does not exist; may be empty */
    enum json_fault fault;     /* JSON_FAULT_NONE also where no JSON was meant */
    size_t fault_line;
};

/* Reads text. False: the arena is spent. */
bool provider_answer_read(struct span text, struct arena *arena, struct provider_answer *out);
bool provider_answer_is_empty(const struct provider_answer *answer);
/* The first label of the record's name, else what the provider calls it. */
struct span provider_selector_label(const struct provider_selector *selector);
