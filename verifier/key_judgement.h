/* verifier/key_judgement.h -- is the key at a selector fit for use, and if not, why? (tester.md 2b to 2d)
 * Judges what DNS said about one selector, or about a pair between which a domain rotates. Verdicts on mail are not
 * made here: dkim_check reads the same records for itself. Pure but for arena. Spans point into the entry, the
 * arguments or the arena, which must outlive the judgement. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/span.h"
#include "verifier/finding.h"
#include "verifier/key_source.h"
#include "verifier/tag_list.h"

enum key_kind { KEY_KIND_NONE, KEY_KIND_TXT, KEY_KIND_CNAME };
const char *key_kind_word(enum key_kind kind); /* "none", "txt", "cname" */

enum key_state {
    KEY_STATE_SET,
    KEY_STATE_TO_SET,
    KEY_STATE_TO_FIX,
    KEY_STATE_REVOKED,
    KEY_STATE_UNUSABLE,
    KEY_STATE_UNKNOWN
};
const char *key_state_word(enum key_state state); /* "set", "toSet" ...; NULL for UNKNOWN: DNS failed */

struct key_judgement {
    struct span selector, name;    /* as asked; selector._domainkey.domain */
    const struct key_entry *entry; /* what was judged */
    bool is_given;                 /* a text was judged, not DNS */
    enum key_kind kind;
    enum key_state state;
    const struct dkim_key *key; /* the record that speaks for the selector; NULL: none */
    struct tag_list tags;       /* of that record */
    char fingerprint[65];       /* SHA-256 of p=, hexadecimal; empty when p= is not readable */
    struct finding_list findings;
};

/* expected_cname: the target the selector's alias must have, without final dot; {NULL, 0}: any. False: arena spent. */
bool key_judge(const struct key_entry *entry, struct span selector, struct span name, struct span expected_cname,
               bool is_given, struct arena *arena, struct key_judgement *out);

struct key_pair_judgement {
    enum key_state state;
    unsigned code; /* 501, 503, 504; 0: none */
    struct finding_list findings;
};
void key_judge_pair(const struct key_judgement *first, const struct key_judgement *second,
                    struct key_pair_judgement *out);
