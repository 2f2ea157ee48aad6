#include "verifier/diagnosis_signing.h"
#include "base/ascii.h"
#include "verifier/domain_name.h"

enum { NAMES_MAX = 1000 };

static struct finding *add(struct finding_list *list, enum finding_id id, size_t index) {
    struct finding *finding = finding_add(list, id);
    finding->has_signature = true;
    finding->signature = index;
    return finding;
}

static void append_name(struct bytes *names, struct span name) {
    if (names->len > 0) bytes_append_text(names, ", ");
    bytes_append(names, name);
}

/* ---- h= ---- */

/* RFC 6376 section 5.4.1: trace fields and what mailboxes and filters write. A name that ends in a hyphen stands for
 * all that begin so. */
static bool is_unstable(struct span name) {
    static const char *const unstable[] = {"Received",   "Return-Path",  "Delivered-To",          "X-Original-To",
                                           "X-Received", "Received-SPF", "X-Envelope-To",         "ARC-",
                                           "X-Spam-",    "X-Virus-",     "Authentication-Results"};
    for (size_t i = 0; i < sizeof unstable / sizeof *unstable; i++) {
        struct span row = span_of(unstable[i]);
        bool is_start = row.ptr[row.len - 1] == '-' && name.len > row.len;
        if (span_equal_nocase(is_start ? span_first(name, row.len) : name, row)) return true;
    }
    return false;
}

static void look_at_unstable(const struct dkim_signature *signature, size_t index, struct arena *arena,
                             struct finding_list *list) {
    struct bytes names = bytes_with_cap(NAMES_MAX);
    for (size_t i = 0; i < signature->signed_count && !names.failed; i++) {
        bool is_first = true;
        for (size_t k = 0; k < i; k++)
            is_first &= !span_equal_nocase(signature->signed_names[k], signature->signed_names[i]);
        if (is_first && is_unstable(signature->signed_names[i])) append_name(&names, signature->signed_names[i]);
    }
    if (names.len > 0) {
        struct finding *finding = add(list, FINDING_SIG_UNSTABLE, index);
        finding->certainty = FINDING_GUESS;
        finding_add_text(finding, "name", arena_copy(arena, bytes_span(&names)));
    }
    bytes_release(&names);
}

static bool is_signed(const struct diagnosis_signatures *all, struct span name) {
    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; k < all->signature[i].signed_count; k++)
            if (all->signature[i].code == DKIM_OK && span_equal_nocase(all->signature[i].signed_names[k], name))
                return true;
    return false;
}

/* What readers go by, where it is there and no signature covers it. */
static void look_at_uncovered(const struct diagnosis_input *input, const struct diagnosis_signatures *all,
                              struct arena *arena, struct finding_list *list) {
    static const char *const important[] = {"Subject", "To", "Date", "Content-Type", "Reply-To"};
    struct bytes names = bytes_with_cap(NAMES_MAX);
    size_t readable = 0;
    for (size_t i = 0; i < all->count; i++) readable += all->signature[i].code == DKIM_OK;
    for (size_t i = 0; readable > 0 && i < sizeof important / sizeof *important; i++)
        if (header_section_count(input->section, important[i]) > 0 && !is_signed(all, span_of(important[i])))
            append_name(&names, span_of(important[i]));
    if (names.len > 0)
        finding_add_text(finding_add(list, FINDING_SIG_UNCOVERED), "text", arena_copy(arena, bytes_span(&names)));
    bytes_release(&names);
}

/* ---- d= ---- */

static size_t labels_in_common(struct span a, struct span b) {
    size_t labels = 0, at = 0;
    for (; at < a.len && at < b.len && a.ptr[a.len - 1 - at] == b.ptr[b.len - 1 - at]; at++)
        labels += a.ptr[a.len - 1 - at] == '.';
    bool ends_a_label = (at == a.len || a.ptr[a.len - 1 - at] == '.') && (at == b.len || b.ptr[b.len - 1 - at] == '.');
    return labels + (at > 0 && ends_a_label);
}

/* Does a signature that passes speak for the author? DMARC knows when it was asked. */
static bool any_aligned(const struct message_result *result) {
    if (result->dmarc.is_evaluated && result->dmarc.dkim_aligned) return true;
    for (size_t i = 0; i < result->dkim_count; i++)
        if (result->dkim[i].result == RESULT_PASS && result->dkim[i].aligned) return true;
    return false;
}

/* Without DMARC's look at DNS, two names that share more than their last label may belong together. */
static void look_at_alignment(const struct diagnosis_input *input, struct finding_list *list) {
    const struct message_result *result = input->result;
    if (result->from_domain.len == 0 || any_aligned(result)) return;
    for (size_t i = 0; i < result->dkim_count && i < DIAGNOSIS_SIGNATURES_MAX; i++) {
        const struct dkim_result *dkim = &result->dkim[i];
        if (dkim->result != RESULT_PASS) continue;
        struct finding *finding = add(list, FINDING_SIG_UNALIGNED, i);
        finding_add_text(finding, "domain", dkim->domain_ascii);
        finding_add_text(finding, "expected", result->from_domain);
        if (!result->dmarc.is_evaluated && labels_in_common(dkim->domain_ascii, result->from_domain) > 1)
            finding->certainty = FINDING_GUESS;
    }
}

/* ---- Templates ---- */

static bool holds(struct span text, const char *word) {
    struct span wanted = span_of(word);
    for (; text.len >= wanted.len; text = span_after(text, 1))
        if (span_equal_nocase(span_first(text, wanted.len), wanted)) return true;
    return false;
}

/* Domains for documentation (RFC 2606 section 3), and what templates leave where a value belongs. */
static bool is_template(struct span value) {
    static const char *const documents[] = {"example.com", "example.net", "example.org"};
    static const char *const words[] = {"{",         "}",        "$",           "<",          ">",
                                        "%",         "[",        "your-domain", "yourdomain", "your_domain",
                                        "mydomain.", "changeme", "change-me"};
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
        if (span_is_nocase(value, documents[i])) return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (holds(value, words[i])) return true;
    return false;
}

static void look_at_template(const struct dkim_result *dkim, size_t index, struct finding_list *list) {
    bool is_domain = is_template(dkim->domain);
    if (!is_domain && !is_template(dkim->selector)) return;
    struct finding *finding = add(list, FINDING_SIG_TEMPLATE, index);
    finding->certainty = FINDING_GUESS;
    finding_add_text(finding, "tag", span_of(is_domain ? "d" : "s"));
    finding_add_text(finding, "found", is_domain ? dkim->domain : dkim->selector);
}

void diagnosis_signing_look(const struct diagnosis_input *input, const struct diagnosis_signatures *all,
                            struct arena *arena, struct finding_list *list) {
    for (size_t i = 0; i < all->count; i++) {
        look_at_template(&input->result->dkim[i], i, list);
        if (all->signature[i].code == DKIM_OK) look_at_unstable(&all->signature[i], i, arena, list);
    }
    look_at_uncovered(input, all, arena, list);
    look_at_alignment(input, list);
}
