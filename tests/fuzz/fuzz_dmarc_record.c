/* The text of a TXT record in, as DNS may bring anything. What comes out must be consistent, whatever goes in. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/dmarc_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct dmarc_record record;
    enum dmarc_record_status status = dmarc_record_parse((struct span){(const char *)data, size}, &record);
    bool has_policy = record.policy != DMARC_POLICY_ABSENT;
    if (has_policy != (status == DMARC_RECORD_OK)) abort();
    if (!has_policy &&
        (record.subdomain_policy != DMARC_POLICY_ABSENT || record.nonexistent_policy != DMARC_POLICY_ABSENT))
        abort();
    if (status == DMARC_RECORD_NO_POLICY && record.has_report_address) abort();
    if (status == DMARC_RECORD_FOREIGN &&
        (record.psd != DMARC_PSD_UNKNOWN || record.testing || record.has_report_address))
        abort();
    for (int subdomain = 0; subdomain < 2; subdomain++)
        for (int exists = 0; exists < 2; exists++)
            if ((dmarc_record_policy_for(&record, subdomain, exists) != DMARC_POLICY_ABSENT) != has_policy) abort();
    return 0;
}
