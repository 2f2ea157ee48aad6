#include "verifier/auth_results.h"
#include "base/ascii.h"
#include "verifier/auth_results_dkim.h"
#include "verifier/auth_results_writer.h"

enum {
    FIELD_MAX = 4096,   /* octets of the whole field */
    ADDRESS_MAX = 320,  /* RFC 5321 sections 4.5.3.1.1 and 4.5.3.1.2 */
    IP_MAX = 46,        /* text of an IPv6 address */
};

static bool is_standard(const struct auth_results_writer *writer) { return writer->style == AUTH_RESULTS_STANDARD; }

static void add_dnssec(struct auth_results_writer *writer, enum dnssec_state state) {
    if (state == DNSSEC_SECURE || state == DNSSEC_INSECURE)
        auth_results_add_words(writer, "dnssec ", dnssec_state_word(state));
}

/* --- arc (RFC 8617 section 4.4) ---------------------------------------------------------------------------------- */

static void add_arc_sets(struct auth_results_writer *writer, const struct arc_result *arc) {
    if (arc->result == RESULT_PASS) auth_results_add_count(writer, "", arc->sets, arc->sets == 1 ? " set" : " sets");
    if (arc->result != RESULT_PASS && arc->failed_set > 0) auth_results_add_count(writer, "set ", arc->failed_set, "");
    if (arc->is_trusted) auth_results_add_fact(writer, "trusted sealer");
    if (arc->has_key_answer && arc->code != ARC_DNS) add_dnssec(writer, arc->dnssec);
}

/* Instances start at 1: an oldest-pass of 0 says that all pass, which is said by leaving it out. */
static void put_arc(struct auth_results_writer *writer, const struct message_result *message) {
    const struct arc_result *arc = &message->arc;
    auth_results_put_method(writer, "arc", arc->result);
    auth_results_begin_comment(writer);
    auth_results_add_fact(writer, arc_code_text(arc->code));
    add_arc_sets(writer, arc);
    auth_results_end_comment(writer);
    if (!arc->has_oldest_pass || arc->oldest_pass == 0) return;
    char digits[16];
    size_t len = sizeof digits;
    for (unsigned rest = arc->oldest_pass; rest > 0; rest /= 10) digits[--len] = (char)('0' + rest % 10);
    auth_results_put_property(writer, "header.oldest-pass", (struct span){digits + len, sizeof digits - len});
}

/* --- spf (RFC 8601 section 2.7.2) -------------------------------------------------------------------------------- */

static const struct spf_result *spf_of(const struct message_result *message) {
    const struct spf_result *mail_from = &message->spf[SPF_MAIL_FROM];
    return mail_from->is_evaluated ? mail_from : &message->spf[SPF_HELO];
}

/* Nothing in it that a reader of comments could take for something else. */
static bool is_safe(struct span text, const char *others, size_t most) {
    for (size_t i = 0; i < text.len; i++)
        if (!ascii_is_alnum(text.ptr[i]) && (text.ptr[i] == '\0' || strchr(others, text.ptr[i]) == NULL)) return false;
    return text.len > 0 && text.len <= most;
}

/* The receiver in the provider's sentence: our name without that of the host, as long as a domain remains. */
static struct span receiver_of(struct span authserv_id) {
    size_t dot = span_find(authserv_id, '.');
    struct span domain = dot < authserv_id.len ? span_after(authserv_id, dot + 1) : authserv_id;
    return span_find(domain, '.') < domain.len ? domain : authserv_id;
}

/* The provider's sentence: what stands before the identity, between it and the client's address, and behind. */
static const struct {
    const char *before, *between, *after;
} sentences[AUTH_RESULT_COUNT] = {
    [RESULT_PASS] = {"domain of ", " designates ", " as permitted sender"},
    [RESULT_FAIL] = {"domain of ", " does not designate ", " as permitted sender"},
    [RESULT_SOFTFAIL] = {"domain of transitioning ", " does not designate ", " as permitted sender"},
    [RESULT_NEUTRAL] = {"domain of ", " neither permits nor denies ", ""},
    [RESULT_NONE] = {"", " does not designate permitted sender hosts for ", ""},
    [RESULT_TEMPERROR] = {"temporary error in processing during lookup of ", " for ", ""},
    [RESULT_PERMERROR] = {"permanent error in processing during lookup of ", " for ", ""},
};

static void add_sentence(struct auth_results_writer *writer, struct span authserv_id, const struct spf_result *spf,
                         struct span client) {
    struct span receiver = receiver_of(authserv_id);
    if (!is_safe(spf->identity, ".-_+@", ADDRESS_MAX) || !is_safe(client, ".:", IP_MAX) || !is_safe(receiver, ".-_", 255) ||
        (spf->domain.len > 0 && !is_safe(spf->domain, ".-_", 253)) || sentences[spf->result].before == NULL)
        return;
    bytes_append(&writer->unit, receiver);
    bytes_append_text(&writer->unit, ": ");
    bytes_append_text(&writer->unit, sentences[spf->result].before);
    bytes_append(&writer->unit, spf->identity);
    bytes_append_text(&writer->unit, sentences[spf->result].between);
    bytes_append(&writer->unit, client);
    bytes_append_text(&writer->unit, sentences[spf->result].after);
}

static void put_spf(struct auth_results_writer *writer, const struct message_result *message, struct span authserv_id) {
    const struct spf_result *spf = spf_of(message);
    auth_results_put_method(writer, "spf", spf->result);
    auth_results_begin_comment(writer);
    if (is_standard(writer)) {
        auth_results_add_fact(writer, spf_code_text(spf->code));
        if (spf->code != SPF_DNS_BOGUS) add_dnssec(writer, spf->dnssec);
    } else if (message->iprev.is_evaluated) { /* which knows the client's address */
        add_sentence(writer, authserv_id, spf, message->iprev.address);
    }
    auth_results_end_comment(writer);
    if (spf->scope == SPF_HELO)
        auth_results_put_name(writer, "smtp.helo", spf->identity);
    else
        auth_results_put_address(writer, "smtp.mailfrom", spf->identity);
}

/* --- dmarc (RFC 9989), iprev (RFC 8601 section 3) ---------------------------------------------------------------- */

static void put_dmarc(struct auth_results_writer *writer, const struct message_result *message) {
    const struct dmarc_result *dmarc = &message->dmarc;
    const char *policy = dmarc_policy_word(dmarc->policy), *disposition = dmarc_policy_word(dmarc->disposition);
    auth_results_put_method(writer, "dmarc", dmarc->result);
    auth_results_begin_comment(writer);
    if (policy == NULL || (dmarc->result != RESULT_PASS && dmarc->result != RESULT_FAIL))
        auth_results_add_fact(writer, dmarc_code_text(dmarc->code));
    if (policy != NULL) {
        auth_results_add_words(writer, "policy ", policy);
        auth_results_add_words(writer, "disposition ", disposition != NULL ? disposition : "none");
        if (dmarc->testing) auth_results_add_fact(writer, "testing");
    }
    if (is_standard(writer) && dmarc->code != DMARC_DNS_BOGUS) add_dnssec(writer, dmarc->dnssec);
    auth_results_end_comment(writer);
    auth_results_put_name(writer, "header.from", dmarc->domain);
    if (policy != NULL) auth_results_put_property(writer, "policy.dmarc", span_of(policy));
}

static void put_iprev(struct auth_results_writer *writer, const struct message_result *message) {
    auth_results_put_method(writer, "iprev", message->iprev.result);
    auth_results_put_property(writer, "policy.iprev", message->iprev.address);
}

/* --- the field --------------------------------------------------------------------------------------------------- */

/* Everything behind dkim; each with the semicolon that ends what stands before it. */
static void put_others(struct auth_results_writer *writer, const struct message_result *message, struct span authserv_id) {
    bool all = is_standard(writer);
    if (message->arc.is_evaluated && (all || message->arc.result != RESULT_NONE)) {
        auth_results_end_result(writer);
        put_arc(writer, message);
    }
    if (spf_of(message)->is_evaluated) {
        auth_results_end_result(writer);
        put_spf(writer, message, authserv_id);
    }
    if (message->dmarc.is_evaluated && (all || message->dmarc.result != RESULT_NONE)) {
        auth_results_end_result(writer);
        put_dmarc(writer, message);
    }
    if (all && message->iprev.is_evaluated) {
        auth_results_end_result(writer);
        put_iprev(writer, message);
    }
}

/* Written once to be measured: whatever stands before, each of them starts a line. */
static size_t measure_others(struct auth_results_writer *writer, const struct message_result *message,
                             struct span authserv_id) {
    struct auth_results_mark start = auth_results_mark(writer);
    put_others(writer, message, authserv_id);
    size_t len = writer->out->len - start.len;
    auth_results_back_to(writer, start);
    return len;
}

/* start: where the field began in out. */
static void put_content(struct auth_results_writer *writer, size_t start, struct span authserv_id,
                        const struct message_result *message) {
    auth_results_put_bare_value(writer, authserv_id);
    bytes_append_char(writer->out, ';');
    writer->column++;
    writer->wants_line = !is_standard(writer);
    size_t used = writer->out->len - start + measure_others(writer, message, authserv_id) + 2;
    auth_results_put_dkim(writer, message, used < FIELD_MAX ? FIELD_MAX - used : 0);
    put_others(writer, message, authserv_id);
}

/* The head and the end are empty where only the content is wanted. */
static bool write_whole(struct bytes *out, struct span head, size_t column, struct span authserv_id,
                  const struct message_result *message, enum auth_results_style style) {
    size_t before = out->len;
    struct auth_results_writer writer = auth_results_writer_to(out, column + head.len, style);
    if (!bytes_reserve(&writer.unit, AUTH_RESULTS_UNIT_MAX)) {
        out->failed = true;
    } else {
        bytes_append(out, head);
        put_content(&writer, before, authserv_id, message);
        if (head.len > 0) bytes_append_text(out, "\r\n");
    }
    if (out->failed) out->len = before;
    bytes_release(&writer.unit);
    return !out->failed;
}

bool auth_results_write(struct bytes *out, struct span authserv_id, const struct message_result *result) {
    return auth_results_write_styled(out, authserv_id, result, AUTH_RESULTS_STANDARD);
}

bool auth_results_write_styled(struct bytes *out, struct span authserv_id, const struct message_result *result,
                               enum auth_results_style style) {
    return write_whole(out, span_of("Authentication-Results: "), 0, authserv_id, result, style);
}

bool auth_results_write_arc(struct bytes *out, unsigned instance, struct span authserv_id,
                            const struct message_result *result, enum auth_results_style style) {
    struct bytes head = bytes_with_cap(64);
    bytes_append_text(&head, "ARC-Authentication-Results: i=");
    bytes_append_uint(&head, instance);
    bytes_append_text(&head, "; ");
    if (head.failed) out->failed = true;
    bool written = !head.failed && write_whole(out, bytes_span(&head), 0, authserv_id, result, style);
    bytes_release(&head);
    return written;
}

bool auth_results_write_content(struct bytes *out, size_t column, struct span authserv_id,
                                const struct message_result *result, enum auth_results_style style) {
    return write_whole(out, span_of(""), column, authserv_id, result, style);
}
