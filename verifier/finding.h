/* verifier/finding.h -- one thing that a check found, with its place in the catalogue, how sure it is, its arguments, and
 * what to say about it in French and English (findings.def: records of domains; diagnosis_findings.def: messages).
 * Pure data and text; spans are borrowed. */
#pragma once
#include <stdint.h>
#include "base/json.h"
#include "verifier/phrase.h"
#include "verifier/report.h"
#include "verifier/result.h"

enum finding_id {
#define FINDING(id, name, severity, cause, en, cure_en, fr, cure_fr) id,
#include "verifier/findings.def"
#include "verifier/diagnosis_findings.def"
#undef FINDING
    FINDING_COUNT
};

enum finding_severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_INFO, SEVERITY_GOOD }; /* good: as it should be */

/* Exact: read off what is there. Proved: a reconstruction whose hash is the signed one. Guess: fits what was seen. */
enum finding_class { FINDING_EXACT, FINDING_PROVED, FINDING_GUESS };

enum { FINDING_ARGS_MAX = 5, FINDINGS_MAX = 48 };

/* name is one of the catalogue's words: name, selector, tag, text, expected, found, position ... */
struct finding_arg {
    const char *name;
    bool is_number;
    uint64_t number;
    struct span text;
};

/* The place where what was signed and what came differ. Spans may be empty: nothing stood there. */
struct finding_evidence {
    bool is_given;
    struct span field;    /* name of the header field; empty: the body */
    uint64_t offset;      /* octets from the start of the body or of the field's body */
    struct span original; /* what was signed, as reconstructed; long ones are cut */
    struct span received; /* what came in its place; long ones are cut */
    uint64_t original_octets, received_octets; /* before they were cut */
};

struct finding {
    enum finding_id id;
    enum finding_class certainty;
    bool has_signature;
    size_t signature; /* index of the dkim_result it speaks of */
    unsigned hop;     /* instance of the ARC set it speaks of; 0: none */
    size_t arg_count;
    struct finding_arg arg[FINDING_ARGS_MAX];
    struct finding_evidence evidence;
};

struct finding_list {
    size_t count;
    struct finding finding[FINDINGS_MAX];
}; /* in the order found */

/* Appends a finding and returns it for its arguments, at most FINDING_ARGS_MAX. When the list is full, the last finding
 * gives way. */
struct finding *finding_add(struct finding_list *list, enum finding_id id);
void finding_add_text(struct finding *finding, const char *name, struct span text);
void finding_add_number(struct finding *finding, const char *name, uint64_t number);

const char *finding_name(enum finding_id id); /* the catalogue's: "T-p2", "503" */
enum cause finding_cause(enum finding_id id); /* what metrics call it; CAUSE_NONE: they do not count it */
enum finding_severity finding_severity(enum finding_id id);
const struct phrase *finding_sentence(enum finding_id id);
const struct phrase *finding_cure(enum finding_id id);

/* Writes the array of findings (design.md section 12). */
void finding_write_json(struct json *json, const struct finding_list *list);
/* Appends the lines for people: errors first, then warnings, then the rest; nothing of what is as it should be. */
void finding_write_text(struct bytes *out, const struct finding_list *list, struct report_style style);
/* Appends only what is as it should be. */
void finding_write_good(struct bytes *out, const struct finding_list *list, struct report_style style);
