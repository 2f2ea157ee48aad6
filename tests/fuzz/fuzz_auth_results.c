/* Any octets in d=, i=, s=, a=, b=, HELO, MAIL FROM, From and the client's name: what we write reads back to the intended
 * results (tests/auth_results_property.h). Input: for each DKIM result one octet of flags, then its five values, each ended
 * by an octet 0xfe; an octet of flags 0xff ends these, and then come flags and values of the other methods. */
#include "tests/auth_results_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RESULTS_MAX = 40 };

static struct span take_value(struct span *rest) {
    size_t len = span_find(*rest, '\xfe');
    struct span value = span_first(*rest, len);
    *rest = span_after(*rest, len < rest->len ? len + 1 : len);
    return value;
}

static unsigned take_flags(struct span *rest) {
    unsigned flags = rest->len > 0 ? (unsigned char)rest->ptr[0] : 0;
    if (rest->len > 0) *rest = span_after(*rest, 1);
    return flags;
}

static void take_spf(struct span *rest, struct spf_result *spf, enum spf_scope scope) {
    unsigned flags = take_flags(rest);
    *spf = (struct spf_result){.is_evaluated = flags & 128, .scope = scope, .result = (enum auth_result)(flags % AUTH_RESULT_COUNT),
                               .code = (enum spf_code)(flags % SPF_CODE_COUNT), .dnssec = (enum dnssec_state)(flags % 4)};
    spf->identity = take_value(rest);
    spf->domain = take_value(rest);
}

static void take_others(struct span *rest, struct message_result *message) {
    unsigned flags = take_flags(rest);
    message->arc = (struct arc_result){.is_evaluated = flags & 128, .result = (enum auth_result)(flags % AUTH_RESULT_COUNT),
                                       .code = (enum arc_code)(flags % ARC_CODE_COUNT), .sets = flags % 51,
                                       .failed_set = flags % 50, .has_oldest_pass = flags & 64, .oldest_pass = flags % 50};
    take_spf(rest, &message->spf[SPF_HELO], SPF_HELO);
    take_spf(rest, &message->spf[SPF_MAIL_FROM], SPF_MAIL_FROM);
    flags = take_flags(rest);
    message->dmarc = (struct dmarc_result){.is_evaluated = flags & 128, .result = (enum auth_result)(flags % AUTH_RESULT_COUNT),
                                           .code = (enum dmarc_code)(flags % DMARC_CODE_COUNT), .testing = flags & 64,
                                           .policy = (enum dmarc_policy)(flags % 4), .disposition = (enum dmarc_policy)(flags / 4 % 4)};
    message->dmarc.domain = take_value(rest);
    flags = take_flags(rest);
    message->iprev = (struct iprev_result){.is_evaluated = flags & 128, .result = (enum auth_result)(flags % AUTH_RESULT_COUNT),
                                           .address = span_of(flags & 1 ? "192.0.2.1" : "2001:db8::1"), .name = take_value(rest)};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct dkim_result results[RESULTS_MAX] = {0};
    struct span rest = {(const char *)data, size};
    size_t count = 0;
    while (rest.len > 0 && count < RESULTS_MAX) {
        unsigned flags = take_flags(&rest);
        if (flags == 0xff) break;
        struct dkim_result *result = &results[count++];
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
    take_others(&rest, &message);
    property_check(span_of("mx.example.com"), &message);
    return 0;
}
