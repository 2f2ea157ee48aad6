/* verifier/header_trial.h -- are these the header fields that were signed? An RSA signature gives back the hash that
 * the signer made, and the hash of the right fields is equal: any change can be tried for the price of one SHA-256 (RFC
 * 6376 section 3.7; tester.md 3a). Ed25519 gives nothing back: each trial is a verification. Thread rule: one thread.
 * Allocates from the arena. Cost: counted off a budget; with nothing left every answer is false. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "verifier/diagnosis_budget.h"
#include "verifier/digest.h"
#include "verifier/dkim_signature.h"
#include "verifier/finding.h"
#include "verifier/header_section.h"

struct public_key;

enum header_edit_kind { EDIT_REPLACE, EDIT_REMOVE, EDIT_INSERT };

/* Ranks: fields that lists add are taken out first, then what servers do often. */
enum { HEADER_EDIT_LIST = 1, HEADER_EDIT_LIKELY = 2 };

/* One change that takes the header section back to what it may have been. */
struct header_edit {
    enum finding_id id;
    enum header_edit_kind kind;
    const struct header_field *field; /* of the section, that goes or is replaced; NULL for EDIT_INSERT */
    struct header_field text;         /* what stands in its place */
    struct span signature_value;      /* where field is the signature itself: its b= in text */
    struct span found;                /* what was added to the field, where that can be said */
    unsigned rank;                    /* the likelier the lower */
    unsigned order;                   /* of two with one rank: which was thought of first */
};

/* Faults of the signer, which change more than one field. */
enum header_mode { HEADER_AS_DECLARED, HEADER_OTHER_CANON, HEADER_TOP_DOWN };

/* The fields of one name that is signed. */
struct header_group {
    struct span name;
    size_t count;
    const struct header_field **field; /* lowest first */
};

struct header_slot {
    size_t group, ordinal; /* the ordinal-th field of the group from the bottom */
};

struct header_trial {
    const struct header_section *section;
    const struct dkim_signature *signature;
    const struct header_field *signature_field;
    const struct public_key *key;
    struct diagnosis_budget *budget;
    struct digest digest;
    bool has_wanted;
    uint8_t wanted[DIGEST_OCTETS]; /* the hash that the signer made */
    size_t group_count, slot_count;
    struct header_group *group;
    struct header_slot *slot;
    uint64_t octets; /* that one trial hashes, about */
};

/* All is borrowed until release. False: no memory; release is allowed then. */
bool header_trial_init(struct header_trial *trial, const struct header_section *section,
                       const struct dkim_signature *signature, const struct header_field *signature_field,
                       struct diagnosis_budget *budget, struct arena *arena);
void header_trial_release(struct header_trial *trial);
/* The key that made the signature, and for RSA the hash that it gave back, else NULL. */
void header_trial_aim(struct header_trial *trial, const struct public_key *key, const uint8_t wanted[DIGEST_OCTETS]);
/* Are the fields with these changes the signed ones? */
bool header_trial_run(struct header_trial *trial, enum header_mode mode, const struct header_edit *const *edits,
                      size_t count);
/* The hash of the fields with these changes. False: no memory. */
bool header_trial_hash(struct header_trial *trial, enum header_mode mode, const struct header_edit *const *edits,
                       size_t count, uint8_t value[DIGEST_OCTETS]);
