/* Rules, then an empty line of two LF, then a header section: whatever both hold, an outcome comes out whose texts are
 * printable, and which is the same whether rules wait for literals or not. */
#include <stdint.h>
#include <stdlib.h>
#include "rules/rule_input.h"
#include "rules/rule_set.h"
#include "verifier/header_section.h"
#include "verifier/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static void require_plain(struct span text) {
    for (size_t i = 0; i < text.len; i++) REQUIRE(text.ptr[i] >= ' ' && text.ptr[i] <= '~');
}

static struct rule_set *compile(struct span text) {
    struct rule_source source = {span_of("fuzz"), text};
    struct rule_options options = {.arm_discard = true};
    struct rule_errors errors = {0};
    struct rule_set *set;
    rule_set_compile(&source, 1, &options, &errors, &set);
    rule_errors_release(&errors);
    return set;
}

static void evaluate(const struct rule_set *set, const struct rule_input *input) {
    struct rule_scratch *quick = rule_scratch_create(false), *whole = rule_scratch_create(true);
    struct rule_outcome a, b;
    REQUIRE(quick != NULL && whole != NULL);
    bool has_a = rule_set_evaluate(set, input, quick, &a), has_b = rule_set_evaluate(set, input, whole, &b);
    REQUIRE(!has_a || !has_b || (a.event_count == b.event_count && a.edit_count == b.edit_count));
    REQUIRE(!has_a || !has_b || (a.decision.verdict == b.decision.verdict && a.decision.rule == b.decision.rule));
    require_plain(a.decision.text);
    for (size_t i = 0; i < a.edit_count; i++) require_plain(a.edit[i].value);
    for (size_t i = 0; i < b.trace_count; i++) require_plain(b.trace[i].value);
    rule_scratch_destroy(quick);
    rule_scratch_destroy(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span all = {(const char *)data, size};
    size_t cut = 0, taken;
    while (cut + 1 < size && !(data[cut] == '\n' && data[cut + 1] == '\n')) cut++;
    struct span header = span_after(all, cut + 2 < size ? cut + 2 : size);
    struct header_section section;
    header_section_init(&section, header_limits_default);
    enum header_status status = header_section_update(&section, header, &taken);
    if (status == HEADER_MORE) status = header_section_finish(&section);
    struct dkim_result signatures[2] = {{.result = RESULT_PASS, .signature = header},
                                        {.result = RESULT_FAIL, .aligned = true, .domain = header}};
    struct message_result result = {
        .dkim_count = 2, .dkim = signatures, .spf = {{.is_evaluated = true}}, .dmarc = {.is_evaluated = true}};
    struct rule_input input = {.result = &result,
                               .header = &section,
                               .has_envelope = true,
                               .mail_from = header,
                               .recipients = &header,
                               .recipient_count = 1,
                               .helo = header,
                               .has_client = true};
    struct rule_set *set = status == HEADER_COMPLETE ? compile(span_first(all, cut)) : NULL;
    if (set != NULL) evaluate(set, &input);
    rule_set_destroy(set);
    header_section_release(&section);
    return 0;
}
