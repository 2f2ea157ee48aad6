/* verifier/record_report.h -- what a check of a domain's key records found out: the object that the page, the JSON API
 * and the command show. record_check fills it; here it is written, as JSON or as lines for people. Pure but for the
 * buffer; octets from outside are escaped. */
#pragma once
#include "base/json.h"
#include "verifier/domain_policy.h"
#include "verifier/finding.h"
#include "verifier/provider_answer.h"
#include "verifier/record_answer.h"
#include "verifier/record_text.h"

enum { RECORD_SELECTORS_MAX = 100 };

enum record_kind { RECORD_KIND_NONE, RECORD_KIND_TXT, RECORD_KIND_CNAME };
const char *record_kind_word(enum record_kind kind); /* "none", "txt", "cname" */

enum record_state {
    RECORD_STATE_SET,
    RECORD_STATE_TO_SET, /* nothing is there */
    RECORD_STATE_TO_FIX, /* an alias is there, but not the right one */
    RECORD_STATE_REVOKED,
    RECORD_STATE_UNUSABLE, /* a record is there, but no key that verifies */
    RECORD_STATE_UNKNOWN   /* DNS failed */
};
const char *record_state_word(enum record_state state); /* "set", "toSet" ...; NULL for UNKNOWN */

struct record_selector {
    struct span selector, name; /* as asked; selector._domainkey.domain */
    struct span expected_cname; /* the target its alias must have, without final dot; empty: any */
    bool is_derived;            /* nobody named it: it is the other one of a pair */
    bool is_given;              /* a text was judged that is not in DNS */
    struct record_answer answer;
    enum record_kind kind;
    enum record_state state;
    const struct record_text *record; /* that speaks for the selector; NULL: none */
    struct finding_list findings;
};

struct record_pair {
    enum record_state state;
    unsigned code; /* 501, 503, 504; 0: none */
    struct finding_list findings;
};

struct record_report {
    struct span domain;
    size_t count;
    const struct record_selector *selector; /* those that were asked for first */
    const struct record_pair *pair;         /* NULL: not a pair */
    const struct provider_answer *provider; /* NULL: none was given */
    struct finding_list findings;           /* of the domain as a whole */
    const struct domain_policy *policy;     /* SPF and DMARC; NULL: nobody asked for them */
};

/* design.md section 12; additions: "derived", "strings" and "cname_ttl" of a selector, "provider", and "spf" and "dmarc"
 * (domain_policy). */
void record_report_write_json(struct json *json, const struct record_report *report);
/* full: also what is as it should be, and each tag. */
void record_report_write_text(struct bytes *out, const struct record_report *report, bool full,
                              struct report_style style);
