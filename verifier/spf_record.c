#include "verifier/spf_record.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include "base/ascii.h"
#include "verifier/spf_macro.h"

static const char version[] = "v=spf1";
enum { VERSION_LEN = sizeof version - 1 };

bool spf_record_is_spf(struct span text) {
    if (text.len < VERSION_LEN || !span_is_nocase(span_first(text, VERSION_LEN), version)) return false;
    return text.len == VERSION_LEN || text.ptr[VERSION_LEN] == ' ';
}

/* ---- Arguments of mechanisms: what stands behind the name ---- */

/* A decimal number without leading zeros. */
static bool read_number(struct span text, unsigned most, unsigned *out) {
    unsigned value = 0;
    if (text.len == 0 || text.len > 3 || (text.len > 1 && text.ptr[0] == '0')) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i])) return false;
        value = value * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *out = value;
    return value <= most;
}

/* Does text end in "/" and digits? Where the digits begin, or 0. */
static size_t prefix_at(struct span text) {
    size_t at = text.len;
    while (at > 0 && ascii_is_digit(text.ptr[at - 1])) at--;
    return at > 0 && at < text.len && text.ptr[at - 1] == '/' ? at : 0;
}

/* Takes a dual-cidr-length off the end of *rest: [ "/" number ] [ "//" number ]. A domain-spec never ends like that. */
static enum spf_record_status take_prefixes(struct span *rest, struct spf_directive *out) {
    out->prefix_v4_bits = 32;
    out->prefix_v6_bits = 128;
    size_t at = prefix_at(*rest);
    if (at > 1 && rest->ptr[at - 2] == '/') {
        if (!read_number(span_after(*rest, at), 128, &out->prefix_v6_bits)) return SPF_RECORD_BAD_PREFIX;
        rest->len = at - 2;
        at = prefix_at(*rest);
    }
    if (at > 0) {
        if (!read_number(span_after(*rest, at), 32, &out->prefix_v4_bits)) return SPF_RECORD_BAD_PREFIX;
        rest->len = at - 1;
    }
    return SPF_RECORD_OK;
}

static enum spf_record_status read_nothing(struct span rest, struct spf_directive *out) {
    (void)out;
    return rest.len == 0 ? SPF_RECORD_OK : SPF_RECORD_BAD_ARGUMENT;
}

static enum spf_record_status read_domain(struct span rest, struct spf_directive *out) {
    if (rest.len < 2 || rest.ptr[0] != ':') return SPF_RECORD_BAD_ARGUMENT;
    out->domain_spec = span_after(rest, 1);
    return spf_macro_is_valid(out->domain_spec, SPF_MACRO_IN_DOMAIN) ? SPF_RECORD_OK : SPF_RECORD_BAD_DOMAIN;
}

static enum spf_record_status read_optional_domain(struct span rest, struct spf_directive *out) {
    return rest.len == 0 ? SPF_RECORD_OK : read_domain(rest, out);
}

static enum spf_record_status read_host(struct span rest, struct spf_directive *out) {
    enum spf_record_status status = take_prefixes(&rest, out);
    return status == SPF_RECORD_OK ? read_optional_domain(rest, out) : status;
}

/* ":" address [ "/" number ]. The C library reads dotted decimals and RFC 4291 text as strictly as section 12 wants it.
 */
static enum spf_record_status read_network(struct span rest, bool is_v4, struct spf_directive *out) {
    char text[INET6_ADDRSTRLEN] = "";
    unsigned most = is_v4 ? 32 : 128;
    out->network = (struct network){.is_v4 = is_v4, .prefix_bits = most};
    if (rest.len < 2 || rest.ptr[0] != ':') return SPF_RECORD_BAD_ARGUMENT;
    rest = span_after(rest, 1);
    size_t slash = span_find(rest, '/');
    if (slash == 0 || slash >= sizeof text) return SPF_RECORD_BAD_NETWORK;
    memcpy(text, rest.ptr, slash);
    if (inet_pton(is_v4 ? AF_INET : AF_INET6, text, out->network.address) != 1) return SPF_RECORD_BAD_NETWORK;
    if (slash == rest.len) return SPF_RECORD_OK;
    return read_number(span_after(rest, slash + 1), most, &out->network.prefix_bits) ? SPF_RECORD_OK
                                                                                     : SPF_RECORD_BAD_PREFIX;
}

static enum spf_record_status read_ip4(struct span rest, struct spf_directive *out) {
    return read_network(rest, true, out);
}

static enum spf_record_status read_ip6(struct span rest, struct spf_directive *out) {
    return read_network(rest, false, out);
}

static enum spf_record_status (*const readers[])(struct span rest, struct spf_directive *out) = {
    [SPF_MECHANISM_ALL] = read_nothing, [SPF_MECHANISM_INCLUDE] = read_domain,      [SPF_MECHANISM_A] = read_host,
    [SPF_MECHANISM_MX] = read_host,     [SPF_MECHANISM_PTR] = read_optional_domain, [SPF_MECHANISM_IP4] = read_ip4,
    [SPF_MECHANISM_IP6] = read_ip6,     [SPF_MECHANISM_EXISTS] = read_domain,
};

/* ---- Terms ---- */

static bool find_mechanism(struct span name, enum spf_mechanism *out) {
#define X(id, word) [id] = word,
    static const char *const words[] = {SPF_MECHANISMS(X)};
#undef X
    for (int mechanism = 0; mechanism < SPF_MECHANISM_COUNT; mechanism++)
        if (span_is_nocase(name, words[mechanism])) return *out = (enum spf_mechanism)mechanism, true;
    return false;
}

/* Takes a qualifier off the front of *term; without one it is a pass. */
static enum auth_result take_qualifier(struct span *term) {
    static const struct {
        char sign;
        enum auth_result result;
    } qualifiers[] = {{'+', RESULT_PASS}, {'-', RESULT_FAIL}, {'~', RESULT_SOFTFAIL}, {'?', RESULT_NEUTRAL}};
    for (size_t i = 0; i < sizeof qualifiers / sizeof *qualifiers; i++) {
        if (term->ptr[0] != qualifiers[i].sign) continue;
        *term = span_after(*term, 1);
        return qualifiers[i].result;
    }
    return RESULT_PASS;
}

static enum spf_record_status read_directive(struct span term, struct spf_directive *out) {
    *out = (struct spf_directive){.text = term};
    out->qualifier = take_qualifier(&term);
    size_t len = 0;
    while (len < term.len && term.ptr[len] != ':' && term.ptr[len] != '/') len++;
    if (!find_mechanism(span_first(term, len), &out->mechanism)) return SPF_RECORD_UNKNOWN_MECHANISM;
    return readers[out->mechanism](span_after(term, len), out);
}

/* Octets of the name when term is a modifier, else 0: ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ) "=". */
static size_t modifier_name(struct span term) {
    size_t len = 0;
    while (len < term.len && (ascii_is_alnum(term.ptr[len]) || memchr("-_.", term.ptr[len], 3) != NULL)) len++;
    return len > 0 && len < term.len && term.ptr[len] == '=' && ascii_is_alpha(term.ptr[0]) ? len : 0;
}

static enum spf_record_status read_modifier(struct span term, size_t name_len, struct spf_record *out) {
    struct span name = span_first(term, name_len), value = span_after(term, name_len + 1);
    struct span *known = span_is_nocase(name, "redirect") ? &out->redirect
                         : span_is_nocase(name, "exp")    ? &out->explanation
                                                          : NULL;
    if (known == NULL)
        return spf_macro_is_valid(value, SPF_MACRO_IN_MODIFIER) ? SPF_RECORD_OK : SPF_RECORD_BAD_MODIFIER;
    if (!spf_macro_is_valid(value, SPF_MACRO_IN_DOMAIN)) return SPF_RECORD_BAD_DOMAIN;
    if (known->len > 0) return SPF_RECORD_DUPLICATE_MODIFIER; /* section 6 */
    *known = value;
    return SPF_RECORD_OK;
}

/* The term at or behind *at, which moves behind it; empty at the end. */
static struct span take_term(struct span terms, size_t *at) {
    while (*at < terms.len && terms.ptr[*at] == ' ') ++*at;
    struct span rest = span_after(terms, *at);
    struct span term = span_first(rest, span_find(rest, ' '));
    *at += term.len;
    return term;
}

static enum spf_record_status read_term(struct span term, struct spf_record *out) {
    struct spf_directive directive;
    for (size_t i = 0; i < term.len; i++)
        if (!ascii_is_graph(term.ptr[i])) return SPF_RECORD_BAD_OCTET; /* section 3.1: 7-bit ASCII */
    size_t name_len = modifier_name(term);
    return name_len > 0 ? read_modifier(term, name_len, out) : read_directive(term, &directive);
}

enum spf_record_status spf_record_parse(struct span text, struct spf_record *out, struct span *error_term) {
    *out = (struct spf_record){.terms = {NULL, 0}};
    *error_term = (struct span){text.ptr, 0};
    if (!spf_record_is_spf(text)) return SPF_RECORD_NO_VERSION;
    if (text.len > SPF_RECORD_MAX) return SPF_RECORD_TOO_LONG;
    struct spf_record record = {.terms = span_after(text, VERSION_LEN)};
    size_t at = 0;
    for (struct span term; (term = take_term(record.terms, &at)).len > 0;) {
        enum spf_record_status status = read_term(term, &record);
        if (status == SPF_RECORD_OK) continue;
        *error_term = term;
        return status;
    }
    *out = record;
    return SPF_RECORD_OK;
}

bool spf_record_next(const struct spf_record *record, size_t *at, struct spf_directive *out) {
    for (struct span term; (term = take_term(record->terms, at)).len > 0;)
        if (modifier_name(term) == 0) return read_directive(term, out) == SPF_RECORD_OK;
    return false;
}

const char *spf_record_status_text(enum spf_record_status status) {
#define X(name, text) [name] = text,
    static const char *const texts[] = {SPF_RECORD_STATUS(X)};
#undef X
    return texts[status];
}
