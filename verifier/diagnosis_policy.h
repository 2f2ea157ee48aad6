/* verifier/diagnosis_policy.h -- what DNS says about the policies that apply to one message, for a diagnosis to judge:
 * SPF and DMARC records as they stand, and what belongs to them. policy_lookup fetches it. Pure data, all of it
 * borrowed. */
#pragma once
#include <stdint.h>
#include "verifier/dns.h"

enum { POLICY_TEXTS_MAX = 4, POLICY_REPORTS_MAX = 4 };

/* The TXT records at one name. */
struct policy_answer {
    bool is_known; /* DNS said what there is, be it nothing */
    size_t count;  /* of those that were asked for: SPF records, DMARC records */
    struct span text[POLICY_TEXTS_MAX];
};

/* A domain that reports are sent to, and what it says about that. */
struct policy_report {
    struct span domain;
    bool is_known, is_authorised;
};

struct diagnosis_policy {
    struct span spf_domain; /* the domain that SPF was checked for; empty: none */
    struct policy_answer spf;
    struct span dmarc_domain; /* whose record applies, else the author's */
    struct policy_answer dmarc;
    bool is_misplaced; /* there is none at _dmarc, but a DMARC record stands at the author's domain itself */
    size_t report_count;
    struct policy_report report[POLICY_REPORTS_MAX];
    struct span earlier_address;     /* of a Received field: SPF would have passed from there; empty: none found */
    struct span suffix_organization; /* of the author by the public suffix list; empty: not known */
};
