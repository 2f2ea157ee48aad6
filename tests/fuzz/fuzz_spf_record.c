/* An SPF record's text in, as DNS may bring anything. What was read lies inside the text and follows the grammar. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/spf_macro.h"
#include "verifier/spf_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds) {
    if (!holds) abort();
}

static bool lies_in(struct span part, struct span whole) {
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size}, term;
    struct spf_record record;
    struct spf_directive directive;
    enum spf_record_status status = spf_record_parse(text, &record, &term);
    size_t at = 0, before = 0;
    expect(lies_in(term, text) && lies_in(record.redirect, text) && lies_in(record.explanation, text));
    expect(spf_record_is_spf(text) == (status != SPF_RECORD_NO_VERSION));
    while (spf_record_next(&record, &at, &directive)) {
        expect(status == SPF_RECORD_OK && at > before && at <= record.terms.len);
        expect(lies_in(directive.text, text) && directive.text.len > 0 &&
               lies_in(directive.domain_spec, directive.text));
        expect(directive.domain_spec.len == 0 || spf_macro_is_valid(directive.domain_spec, SPF_MACRO_IN_DOMAIN));
        expect(directive.prefix_v4_bits <= 32 && directive.prefix_v6_bits <= 128);
        expect(directive.network.prefix_bits <= (directive.network.is_v4 ? 32 : 128));
        before = at;
    }
    return 0;
}
