#include "verifier/auth_results_dkim.h"
#include "base/ascii.h"

enum {
    SUMMARY_MAX = 64,    /* octets of "(... , n further signatures not listed)" */
    SIGNATURE_LEAST = 8, /* RFC 6008 section 3 */
    SIGNATURE_MOST = 64,
    DETAIL_MAX = 80,
};

/* At most SIGNATURE_MOST: more is never shown. */
static size_t common_prefix(struct span a, struct span b) {
    size_t len = 0;
    while (len < SIGNATURE_MOST && len < a.len && len < b.len && a.ptr[len] == b.ptr[len]) len++;
    return len;
}

struct span auth_results_signature_prefix(const struct message_result *message, struct span signature) {
    size_t len = SIGNATURE_LEAST;
    for (size_t i = 0; i < message->dkim_count; i++) {
        struct span other = message->dkim[i].signature;
        size_t shared = common_prefix(signature, other);
        if (shared >= len && !span_equal(signature, other)) len = shared + 1;
    }
    if (len > SIGNATURE_MOST) len = SIGNATURE_MOST;
    return span_first(signature, len < signature.len ? len : signature.len);
}

/* --- the comment ------------------------------------------------------------------------------------------------- */

/* detail is ours, but it may name a tag ("bh="): only what a comment may hold gets in. */
static void add_detail(struct auth_results_writer *writer, struct span detail) {
    if (detail.len == 0 || detail.len > DETAIL_MAX) return;
    auth_results_add_fact(writer, detail.ptr[detail.len - 1] == '=' ? "tag " : "");
    for (size_t i = 0; i < detail.len; i++)
        if (ascii_is_alnum(detail.ptr[i]) || memchr(" .,-_%:", detail.ptr[i], 7) != NULL)
            bytes_append_char(&writer->unit, detail.ptr[i]);
}

static void add_reason(struct auth_results_writer *writer, const struct dkim_result *result) {
    if (result->result == RESULT_PASS) return;
    if (result->code == DKIM_BODY_UNSIGNED_OCTETS && result->has_unsigned_octets) return; /* the count says it */
    auth_results_add_fact(writer, dkim_code_text(result->code));
    if (result->code == DKIM_BODY_HASH_MISMATCH && result->header_part == PART_CHANGED)
        auth_results_add_fact(writer, dkim_code_text(DKIM_SIGNATURE_MISMATCH));
    if (dkim_code_wants_detail(result->code)) add_detail(writer, result->detail);
}

static void add_key_facts(struct auth_results_writer *writer, const struct dkim_result *result) {
    if (result->key_bits > 0) {
        auth_results_add_count(writer, "", result->key_bits, "-bit ");
        bytes_append_text(&writer->unit, key_algorithm_word(result->key_algorithm));
        bytes_append_text(&writer->unit, " key");
    }
    if (result->weak) auth_results_add_fact(writer, "weak");
    if (result->testing) auth_results_add_fact(writer, "testing");
    if (result->records_tried > 1) auth_results_add_count(writer, "", result->records_tried, " key records");
    if (result->has_key_answer && result->code != DKIM_DNS_BOGUS)
        auth_results_add_words(writer, "dnssec ", dnssec_state_word(result->dnssec));
}

static void add_facts(struct auth_results_writer *writer, const struct dkim_result *result) {
    add_reason(writer, result);
    if (result->has_unsigned_octets && result->unsigned_octets > 0)
        auth_results_add_count(writer, "", result->unsigned_octets,
                               result->unsigned_octets == 1 ? " octet unsigned" : " octets unsigned");
    add_key_facts(writer, result);
}

/* --- one result -------------------------------------------------------------------------------------------------- */

/* left_out: others that are not listed, told with the last one. */
static void put_result(struct auth_results_writer *writer, const struct message_result *message,
                       const struct dkim_result *result, size_t left_out) {
    bool is_full = writer->style == AUTH_RESULTS_STANDARD;
    auth_results_put_method(writer, "dkim", result->result);
    auth_results_begin_comment(writer);
    if (is_full) add_facts(writer, result);
    if (left_out > 0)
        auth_results_add_count(writer, "", left_out,
                               left_out == 1 ? " further signature not listed" : " further signatures not listed");
    if (is_full && writer->unit.len == 1) auth_results_add_fact(writer, dkim_code_text(DKIM_OK));
    auth_results_end_comment(writer);
    if (is_full) auth_results_put_name(writer, "header.d", result->domain);
    auth_results_put_address(writer, "header.i", result->auid);
    auth_results_put_name(writer, "header.s", result->selector);
    if (is_full) auth_results_put_property(writer, "header.a", result->algorithm);
    auth_results_put_property(writer, "header.b", auth_results_signature_prefix(message, result->signature));
}

static void put_none(struct auth_results_writer *writer) {
    auth_results_put_method(writer, "dkim", RESULT_NONE);
    auth_results_begin_comment(writer);
    auth_results_add_fact(writer, dkim_code_text(DKIM_NO_SIGNATURE));
    auth_results_end_comment(writer);
}

/* --- as many as there is room for -------------------------------------------------------------------------------- */

/* What must be listed before all else when there is no room for everything: passes, and among equals aligned ones. */
static unsigned rank(const struct dkim_result *result) {
    return (result->result == RESULT_PASS ? 0u : 2u) + (result->aligned ? 0u : 1u);
}

static const struct dkim_result *nth_by_rank(const struct message_result *message, size_t n) {
    for (unsigned wanted = 0; wanted < 4; wanted++)
        for (size_t i = 0; i < message->dkim_count; i++)
            if (rank(&message->dkim[i]) == wanted && n-- == 0) return &message->dkim[i];
    return NULL;
}

static void put_ranked(struct auth_results_writer *writer, const struct message_result *message, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t left_out = i + 1 == count ? message->dkim_count - count : 0;
        if (i > 0) auth_results_end_result(writer);
        put_result(writer, message, nth_by_rank(message, i), left_out);
    }
}

static size_t count_fitting(struct auth_results_writer *writer, const struct message_result *message, size_t room) {
    struct auth_results_mark start = auth_results_mark(writer);
    size_t fitting = 0;
    for (; fitting < message->dkim_count; fitting++) {
        put_result(writer, message, nth_by_rank(message, fitting), 0);
        auth_results_end_result(writer);
        if (writer->out->failed || writer->out->len - start.len + SUMMARY_MAX > room) break;
    }
    auth_results_back_to(writer, start);
    return fitting > 0 ? fitting : 1;
}

void auth_results_put_dkim(struct auth_results_writer *writer, const struct message_result *message, size_t room) {
    struct auth_results_mark start = auth_results_mark(writer);
    if (message->dkim_count == 0) put_none(writer);
    for (size_t i = 0; i < message->dkim_count && writer->out->len - start.len <= room; i++) {
        if (i > 0) auth_results_end_result(writer);
        put_result(writer, message, &message->dkim[i], 0);
    }
    if (writer->out->failed || writer->out->len - start.len <= room) return;
    auth_results_back_to(writer, start);
    put_ranked(writer, message, count_fitting(writer, message, room));
}
