/* verifier/dmarc_record.h -- read one TXT record of _dmarc.DOMAIN as a DMARC policy record (RFC 9989
 * sections 4.7, 4.8). A record begins with v=DMARC1, written exactly so; any other text is none. Behind that nothing
 * voids it: unknown tags, historic ones (pct, rf, ri), and what has bad syntax are passed over, defaults stand for
 * them; of a tag that stands twice the first counts. Names and listed values have no case. The exception is
 * section 4.10.1: without a valid p=, or with an sp= or np= that is no policy, the record asks for "none" when rua=
 * names somewhere to report to, and else for nothing that could be applied. Reports are not ours to send: of rua= only
 * that is known, ruf= and fo= are passed over. Pure: no allocation, I/O, clock or lock; keeps nothing of the text. One
 * pass. */
#pragma once
#include <stdbool.h>
#include "base/span.h"
#include "verifier/result.h"

enum dmarc_record_status {
    DMARC_RECORD_OK,
    DMARC_RECORD_FOREIGN,   /* no DMARC record: does not begin with v=DMARC1 */
    DMARC_RECORD_NO_POLICY, /* a DMARC record, without a policy that could be applied */
};

enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_NO, DMARC_PSD_YES }; /* psd=u or absent, n, y */

struct dmarc_record {
    enum dmarc_policy policy;             /* p=; ABSENT only with DMARC_RECORD_NO_POLICY */
    enum dmarc_policy subdomain_policy;   /* sp=; ABSENT: as policy */
    enum dmarc_policy nonexistent_policy; /* np=; ABSENT: as subdomain_policy */
    enum dmarc_psd psd;
    bool testing;                 /* t=y */
    bool strict_dkim, strict_spf; /* adkim=s, aspf=s */
    bool has_report_address;      /* rua= holds at least one URI */
};

/* text: the record's strings, joined. *out is filled on any status but DMARC_RECORD_FOREIGN, on which it is zero. */
enum dmarc_record_status dmarc_record_parse(struct span text, struct dmarc_record *out);
/* The policy for the record's own domain (is_subdomain false), or for a domain below it that exists or does not. */
enum dmarc_policy dmarc_record_policy_for(const struct dmarc_record *record, bool is_subdomain, bool exists);
