/* verifier/policy_judge.h -- what there is to say about one SPF or DMARC record as it stands, to the owner of its
 * domain: where it breaks the grammar, and what it should not say (RFC 7208; RFC 9989). Leaves what it means for a
 * message to spf_check and dmarc_check, and fetching to policy_lookup and domain_policy_lookup. Pure: no allocation,
 * I/O, clock or lock. text and domain must outlive findings. Cost: a few passes. Limits: what is quoted of a record is
 * cut. */
#pragma once
#include "verifier/finding.h"

/* text: one TXT record's strings, joined. Adds findings "P3". */
void policy_judge_spf(struct span text, struct span domain, struct finding_list *findings);
/* The same of a DMARC record, which stands at _dmarc.domain: "P6", "P9" to "P11". */
void policy_judge_dmarc(struct span text, struct span domain, struct finding_list *findings);
