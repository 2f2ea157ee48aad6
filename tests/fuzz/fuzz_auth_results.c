/* Any octets in d=, i=, s=, a=, b=: what we write reads back to the intended results (tests/auth_results_property.h).
 * Input: for each result one octet of flags, then its five values, each ended by an octet 0xfe. */
#include "tests/auth_results_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RESULTS_MAX = 40 };

static struct span take_value(struct span *rest) {
    size_t len = span_find(*rest, '\xfe');
    struct span value = span_first(*rest, len);
    *rest = span_after(*rest, len < rest->len ? len + 1 : len);
    return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct dkim_result results[RESULTS_MAX] = {0};
    struct span rest = {(const char *)data, size};
    size_t count = 0;
    while (rest.len > 0 && count < RESULTS_MAX) {
        struct dkim_result *result = &results[count++];
        unsigned flags = (unsigned char)rest.ptr[0];
        rest = span_after(rest, 1);
        result->code = (enum dkim_code)(flags % DKIM_CODE_COUNT);
        result->result = dkim_code_result(result->code);
        result->aligned = flags & 64;
        result->has_key_answer = flags & 128;
        result->key_bits = flags & 128;
        result->domain = take_value(&rest);
        result->auid = take_value(&rest);
        result->selector = take_value(&rest);
        result->algorithm = take_value(&rest);
        result->signature = take_value(&rest);
        result->detail = result->selector;
    }
    struct message_result message = {.dkim_count = count, .dkim = results};
    property_check(span_of("mx.example.com"), &message);
    return 0;
}
