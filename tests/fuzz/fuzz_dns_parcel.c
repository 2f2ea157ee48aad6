/* A question and an answer of the resolver as octets: what is read can be written back to the same octets. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/dns_parcel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span octets = {(const char *)data, size};
    struct bytes back = bytes_with_cap(8 * 1024 * 1024);
    struct dns_parcel_question question;
    struct dns_answer answer;
    uint64_t id;
    if (dns_parcel_read_answer(octets, &id, &answer)) {
        if (!dns_parcel_write_answer(id, &answer, &back) || !span_equal(bytes_span(&back), octets)) abort();
    }
    if (dns_parcel_read_question(octets, &question)) { /* but for the case of the name */
        if (!dns_parcel_write_question(&question, &back) || !span_equal_nocase(bytes_span(&back), octets)) abort();
    }
    bytes_release(&back);
    return 0;
}
