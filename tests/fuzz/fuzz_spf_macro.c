/* Three lines in: a text with macros, a local part, a domain; whatever they hold, expansions are bounded. */
#include <stdint.h>
#include <stdlib.h>
#include "base/ascii.h"
#include "verifier/spf_macro.h"

enum { TEXT_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds) {
    if (!holds) abort();
}

static struct span take_line(struct span *rest) {
    struct span line = span_first(*rest, span_find(*rest, '\n'));
    *rest = span_after(*rest, line.len < rest->len ? line.len + 1 : line.len);
    return line;
}

static void expand(struct span text, const struct spf_macro_values *values) {
    char name[SPF_MACRO_DOMAIN_MAX];
    size_t len;
    struct bytes out = bytes_with_cap(TEXT_MAX);
    enum spf_macro_status status = spf_macro_expand_domain(text, values, name, &len);
    expect(len <= SPF_MACRO_DOMAIN_MAX && (status == SPF_MACRO_OK || len == 0));
    expect((status == SPF_MACRO_SYNTAX) == !spf_macro_is_valid(text, SPF_MACRO_IN_DOMAIN));
    status = spf_macro_expand_text(text, values, &out);
    expect((status == SPF_MACRO_SYNTAX) == !spf_macro_is_valid(text, SPF_MACRO_IN_EXPLANATION));
    for (size_t i = 0; status == SPF_MACRO_OK && i < out.len; i++)
        expect(ascii_is_graph(out.ptr[i]) || out.ptr[i] == ' ');
    bytes_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    struct span rest = {(const char *)data, size};
    struct span text = take_line(&rest), local_part = take_line(&rest), domain = take_line(&rest);
    struct spf_macro_values values = {.sender = rest,
                                      .local_part = local_part,
                                      .sender_domain = domain,
                                      .domain = domain,
                                      .helo = domain,
                                      .address = address,
                                      .now_s = 1700000000};
    spf_macro_wants_validated_name(text);
    expect(!spf_macro_is_valid(text, SPF_MACRO_IN_DOMAIN) || spf_macro_is_valid(text, SPF_MACRO_IN_MODIFIER));
    expect(!spf_macro_is_valid(text, SPF_MACRO_IN_MODIFIER) || spf_macro_is_valid(text, SPF_MACRO_IN_EXPLANATION));
    expand(text, &values);
    values.is_v4 = true;
    expand(text, &values);
    return 0;
}
