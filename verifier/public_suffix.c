#include "verifier/public_suffix.h"
#include "base/ascii.h"
#include "verifier/domain_name.h"
#include "verifier/dmarc_tree.h"

static size_t labels_of(struct span name) {
    size_t labels = name.len > 0;
    for (size_t i = 0; i < name.len; i++) labels += name.ptr[i] == '.';
    return labels;
}

static struct span take_line(struct span *rest) {
    struct span line = span_first(*rest, span_find(*rest, '\n'));
    *rest = span_after(*rest, line.len < rest->len ? line.len + 1 : line.len);
    for (size_t i = 0; i < line.len; i++)
        if (ascii_is_space(line.ptr[i])) return span_first(line, i);
    return line;
}

/* How many labels of domain a rule makes a suffix; 0: it does not apply. */
static size_t apply(struct span rule, struct span domain, bool *is_exception) {
    *is_exception = rule.len > 0 && rule.ptr[0] == '!';
    if (*is_exception) rule = span_after(rule, 1);
    bool is_wild = rule.len > 2 && rule.ptr[0] == '*' && rule.ptr[1] == '.';
    if (is_wild) rule = span_after(rule, 2);
    if (rule.len == 0 || rule.ptr[0] == '/' || !domain_name_is_within(domain, rule)) return 0;
    size_t labels = labels_of(rule) + is_wild;
    if (labels > labels_of(domain)) return 0; /* the wildcard has nothing to stand for */
    return *is_exception ? labels - 1 : labels;
}

static bool has_a_label(struct span domain) {
    for (struct span rest = domain; rest.len >= 4; rest = span_after(rest, 1))
        if (span_is(span_first(rest, 4), "xn--") && (rest.ptr == domain.ptr || rest.ptr[-1] == '.')) return true;
    return false;
}

struct span public_suffix_organization(struct span list, struct span domain) {
    size_t most = 1; /* the rule of those without rule: "*" */
    if (list.len == 0 || domain.len == 0 || has_a_label(domain)) return (struct span){NULL, 0};
    for (struct span rest = list; rest.len > 0;) {
        bool is_exception;
        size_t labels = apply(take_line(&rest), domain, &is_exception);
        if (labels > most || (is_exception && labels > 0)) most = labels;
        if (is_exception && labels > 0) break; /* goes before all others */
    }
    return labels_of(domain) > most ? dmarc_last_labels(domain, most + 1) : (struct span){NULL, 0};
}
