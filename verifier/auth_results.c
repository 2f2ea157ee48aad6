#include "verifier/auth_results.h"
#include "base/ascii.h"
#include "base/utf8.h"
#include "verifier/domain_name.h"

enum {
    FIELD_MAX = 4096,    /* octets of the whole field */
    FOLD_AT = 78,        /* RFC 5322 section 2.1.1 */
    UNIT_MAX = 700,      /* one name=value; a longer one is left out, so no line comes near 998 octets */
    LOCAL_PART_MAX = 64, /* RFC 5321 section 4.5.3.1.1 */
    SUMMARY_MAX = 64,    /* octets of "(... , n further signatures not listed)" */
    SIGNATURE_LEAST = 8, /* RFC 6008 section 3 */
    SIGNATURE_MOST = 64,
};

/* The field under construction. A unit is what a fold never cuts: method=result, a comment, one name=value. */
struct writer {
    struct bytes *out;
    struct bytes unit; /* the next unit, as it grows */
    size_t column;
    bool wants_line; /* the next unit starts a line */
    const struct message_result *message;
};

static void put(struct writer *writer, struct span unit) {
    if (writer->wants_line || writer->column + 1 + unit.len + 1 > FOLD_AT) { /* the last 1: a semicolon may follow */
        bytes_append_text(writer->out, "\r\n\t");
        writer->column = 1;
    } else {
        bytes_append_char(writer->out, ' ');
        writer->column++;
    }
    writer->wants_line = false;
    bytes_append(writer->out, unit);
    writer->column += unit.len;
}

static bool is_special(char c) { /* RFC 2045 tspecials */
    switch (c) {
    case '(':
    case ')':
    case '<':
    case '>':
    case '@':
    case ',':
    case ';':
    case ':':
    case '\\':
    case '"':
    case '/':
    case '[':
    case ']':
    case '?':
    case '=': return true;
    default: return false;
    }
}

/* RFC 2045 token. */
static bool is_token(struct span text) {
    for (size_t i = 0; i < text.len; i++)
        if (!ascii_is_graph(text.ptr[i]) || is_special(text.ptr[i])) return false;
    return text.len > 0;
}

static bool is_c1_control(struct span sequence) {
    return sequence.len == 2 && sequence.ptr[0] == '\xc2' && (unsigned char)sequence.ptr[1] < 0xa0;
}

/* The octets of text that may stand in a quoted-string: no controls; UTF-8 where wanted and valid, else ASCII only. */
static bool append_quoted(struct bytes *out, struct span text, bool utf8) {
    size_t before = out->len, kept = 0;
    bytes_append_char(out, '"');
    for (size_t len; text.len > 0; text = span_after(text, len)) {
        size_t sequence = utf8_sequence(text);
        len = sequence > 0 ? sequence : 1;
        struct span one = span_first(text, len);
        if (sequence == 0 || ascii_is_control(*one.ptr) || (len > 1 && !utf8) || is_c1_control(one)) continue;
        if (*one.ptr == '"' || *one.ptr == '\\') bytes_append_char(out, '\\');
        bytes_append(out, one);
        kept++;
    }
    bytes_append_char(out, '"');
    if (kept == 0 && !out->failed) out->len = before;
    return kept > 0;
}

/* Appends value to the unit, as it is when it is a token or bare says that it may stand so. False: nothing is left of
 * it. */
static bool append_value(struct writer *writer, struct span value, bool bare, bool utf8) {
    if (value.len > 0 && (bare || is_token(value))) return bytes_append(&writer->unit, value);
    return append_quoted(&writer->unit, value, utf8);
}

/* name=value; a property without value, or longer than UNIT_MAX, is left out: half a name would be another name. */
static void put_property(struct writer *writer, const char *name, struct span value, bool bare, bool utf8) {
    bytes_clear(&writer->unit);
    bytes_append_text(&writer->unit, name);
    bytes_append_char(&writer->unit, '=');
    if (append_value(writer, value, bare, utf8) && !writer->unit.failed) put(writer, bytes_span(&writer->unit));
}

/* A-labels where name is legal, else name as it is. */
static void put_name(struct writer *writer, const char *property, struct span name) {
    char ascii[DOMAIN_NAME_MAX];
    size_t len = domain_name_write(name, false, ascii);
    put_property(writer, property, len > 0 ? (struct span){ascii, len} : name, false, false);
}

/* i= as local-part@A-labels, bare when the local-part is a token or absent (RFC 8601 section 2.2, pvalue). */
static void put_auid(struct writer *writer, struct span auid) {
    size_t at = auid.len;
    while (at > 0 && auid.ptr[at - 1] != '@') at--;
    char whole[LOCAL_PART_MAX + 1 + DOMAIN_NAME_MAX];
    size_t len = at > 0 && at <= LOCAL_PART_MAX + 1 ? domain_name_write(span_after(auid, at), false, whole + at) : 0;
    if (len == 0) {
        put_property(writer, "header.i", auid, false, true);
        return;
    }
    memcpy(whole, auid.ptr, at);
    bool bare = at == 1 || is_token(span_first(auid, at - 1));
    put_property(writer, "header.i", (struct span){whole, at + len}, bare, true);
}

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

static void add_fact(struct bytes *comment, const char *text) {
    if (comment->len > 1) bytes_append_text(comment, ", ");
    bytes_append_text(comment, text);
}

static void add_count(struct bytes *comment, uint64_t count, const char *one, const char *many) {
    add_fact(comment, "");
    bytes_append_uint(comment, count);
    bytes_append_text(comment, count == 1 ? one : many);
}

/* detail is ours, but it may name a tag ("bh="): only what a comment may hold gets in. */
static void add_detail(struct bytes *comment, struct span detail) {
    if (detail.len == 0 || detail.len > 80) return;
    add_fact(comment, detail.ptr[detail.len - 1] == '=' ? "tag " : "");
    for (size_t i = 0; i < detail.len; i++)
        if (ascii_is_alnum(detail.ptr[i]) || memchr(" .,-_%:", detail.ptr[i], 7) != NULL)
            bytes_append_char(comment, detail.ptr[i]);
}

static void add_reason(struct bytes *comment, const struct dkim_result *result) {
    if (result->result == RESULT_PASS) return;
    if (result->code == DKIM_BODY_UNSIGNED_OCTETS && result->has_unsigned_octets) return; /* the count says it */
    add_fact(comment, dkim_code_text(result->code));
    if (result->code == DKIM_BODY_HASH_MISMATCH && result->header_part == PART_CHANGED)
        add_fact(comment, dkim_code_text(DKIM_SIGNATURE_MISMATCH));
    if (dkim_code_wants_detail(result->code)) add_detail(comment, result->detail);
}

static void add_key_facts(struct bytes *comment, const struct dkim_result *result) {
    if (result->key_bits > 0) {
        add_fact(comment, "");
        bytes_append_uint(comment, result->key_bits);
        bytes_append_text(comment, "-bit ");
        bytes_append_text(comment, key_algorithm_word(result->key_algorithm));
        bytes_append_text(comment, " key");
    }
    if (result->weak) add_fact(comment, "weak");
    if (result->testing) add_fact(comment, "testing");
    if (result->records_tried > 1) add_count(comment, result->records_tried, " key record", " key records");
    if (result->has_key_answer && result->code != DKIM_DNS_BOGUS) {
        add_fact(comment, "dnssec ");
        bytes_append_text(comment, dnssec_state_word(result->dnssec));
    }
}

/* Whole on a line where it fits, else folded at its blanks. */
static void put_comment(struct writer *writer) {
    struct span comment = bytes_span(&writer->unit);
    if (writer->unit.failed) return;
    if (comment.len + 2 <= FOLD_AT) {
        put(writer, comment);
        return;
    }
    while (comment.len > 0) {
        size_t len = span_find(comment, ' ');
        put(writer, span_first(comment, len));
        comment = span_after(comment, len < comment.len ? len + 1 : len);
    }
}

static void begin_comment(struct writer *writer) {
    bytes_clear(&writer->unit);
    bytes_append_char(&writer->unit, '(');
}

static void end_comment(struct writer *writer) {
    if (writer->unit.len == 1) add_fact(&writer->unit, dkim_code_text(DKIM_OK));
    bytes_append_char(&writer->unit, ')');
    put_comment(writer);
}

static void put_method(struct writer *writer, const char *method, enum auth_result result) {
    bytes_clear(&writer->unit);
    bytes_append_text(&writer->unit, method);
    bytes_append_char(&writer->unit, '=');
    bytes_append_text(&writer->unit, auth_result_word(result));
    put(writer, bytes_span(&writer->unit));
}

/* One signature's result; left_out: others that are not listed, told with the last one. */
static void put_dkim_result(struct writer *writer, const struct dkim_result *result, size_t left_out) {
    put_method(writer, "dkim", result->result);
    begin_comment(writer);
    add_reason(&writer->unit, result);
    if (result->has_unsigned_octets && result->unsigned_octets > 0)
        add_count(&writer->unit, result->unsigned_octets, " octet unsigned", " octets unsigned");
    add_key_facts(&writer->unit, result);
    if (left_out > 0)
        add_count(&writer->unit, left_out, " further signature not listed", " further signatures not listed");
    end_comment(writer);
    put_name(writer, "header.d", result->domain);
    put_auid(writer, result->auid);
    put_name(writer, "header.s", result->selector);
    put_property(writer, "header.a", result->algorithm, false, false);
    put_property(writer, "header.b", auth_results_signature_prefix(writer->message, result->signature), false, false);
}

static void put_dkim_none(struct writer *writer) {
    put_method(writer, "dkim", RESULT_NONE);
    begin_comment(writer);
    add_fact(&writer->unit, dkim_code_text(DKIM_NO_SIGNATURE));
    end_comment(writer);
}

static void end_result(struct writer *writer) {
    bytes_append_char(writer->out, ';');
    writer->wants_line = true;
}

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

static void put_ranked(struct writer *writer, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t left_out = i + 1 == count ? writer->message->dkim_count - count : 0;
        if (i > 0) end_result(writer);
        put_dkim_result(writer, nth_by_rank(writer->message, i), left_out);
    }
}

/* Where the field stands, to come back to. */
struct mark {
    size_t len, column;
    bool wants_line;
};

static struct mark mark(const struct writer *writer) {
    return (struct mark){writer->out->len, writer->column, writer->wants_line};
}

static void back_to(struct writer *writer, struct mark mark) {
    writer->out->len = mark.len;
    writer->column = mark.column;
    writer->wants_line = mark.wants_line;
}

static size_t count_fitting(struct writer *writer, size_t room) {
    struct mark start = mark(writer);
    size_t fitting = 0;
    for (; fitting < writer->message->dkim_count; fitting++) {
        put_dkim_result(writer, nth_by_rank(writer->message, fitting), 0);
        end_result(writer);
        if (writer->out->failed || writer->out->len - start.len + SUMMARY_MAX > room) break;
    }
    back_to(writer, start);
    return fitting;
}

/* dkim, one result for each signature in order of the fields; room: octets that the field may still grow by. */
static void add_dkim(struct writer *writer, size_t room) {
    const struct message_result *message = writer->message;
    struct mark start = mark(writer);
    if (message->dkim_count == 0) put_dkim_none(writer);
    for (size_t i = 0; i < message->dkim_count && writer->out->len - start.len <= room; i++) {
        if (i > 0) end_result(writer);
        put_dkim_result(writer, &message->dkim[i], 0);
    }
    if (writer->out->failed || writer->out->len - start.len <= room) return;
    back_to(writer, start);
    put_ranked(writer, count_fitting(writer, room));
}

static bool write_field(struct writer *writer, struct span authserv_id) {
    size_t start = writer->out->len;
    bytes_append_text(writer->out, "Authentication-Results: ");
    bytes_clear(&writer->unit);
    append_value(writer, authserv_id, false, false);
    bytes_append(writer->out, bytes_span(&writer->unit));
    bytes_append_char(writer->out, ';');
    writer->column = writer->out->len - start;
    add_dkim(writer, FIELD_MAX - (writer->out->len - start) - 2);
    bytes_append_text(writer->out, "\r\n");
    return !writer->out->failed;
}

bool auth_results_write(struct bytes *out, struct span authserv_id, const struct message_result *result) {
    struct writer writer = {.out = out, .unit = bytes_with_cap(UNIT_MAX), .message = result};
    size_t before = out->len;
    bool written = bytes_reserve(&writer.unit, UNIT_MAX) && write_field(&writer, authserv_id);
    if (!written) out->len = before;
    bytes_release(&writer.unit);
    return written;
}
