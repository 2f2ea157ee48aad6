#include "proxy/smtp_reply.h"
#include <assert.h>
#include "base/ascii.h"

/* What is expected next. */
enum state { CODE_1, CODE_2, CODE_3, SEPARATOR, LINE, LINE_CR };

enum {
    LINE_TEXT_MAX = SMTP_REPLY_LINE_MAX - 4, /* without "250-" */
    TEXT_MAX = SMTP_REPLY_LINES_MAX * (LINE_TEXT_MAX + 1),
};

const char *smtp_reply_status_text(enum smtp_reply_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {SMTP_REPLY_STATUSES(X)};
#undef X
    return texts[status];
}

void smtp_reply_init(struct smtp_reply *reply) { *reply = (struct smtp_reply){.text = bytes_with_cap(TEXT_MAX)}; }

void smtp_reply_clear(struct smtp_reply *reply) {
    struct bytes text = reply->text;
    bytes_clear(&text);
    *reply = (struct smtp_reply){.text = text};
}

void smtp_reply_release(struct smtp_reply *reply) {
    bytes_release(&reply->text);
    smtp_reply_init(reply);
}

/* What may be passed on: printable ASCII. */
static char clean(char c) { return c == '\t' ? ' ' : ascii_is_graph(c) || c == ' ' ? c : '?'; }

static void put(struct smtp_reply *reply, char c) {
    if (reply->scan.line_len++ < LINE_TEXT_MAX && reply->scan.lines < SMTP_REPLY_LINES_MAX)
        bytes_append_char(&reply->text, clean(c));
}

/* Takes a number of at most three digits off *text. */
static bool take_number(struct span *text, unsigned *out) {
    size_t len = 0;
    for (*out = 0; len < text->len && len < 3 && ascii_is_digit(text->ptr[len]); len++)
        *out = *out * 10 + (unsigned)(text->ptr[len] - '0');
    *text = span_after(*text, len);
    return len > 0;
}

static bool take_char(struct span *text, char c) {
    if (text->len == 0 || text->ptr[0] != c) return false;
    *text = span_after(*text, 1);
    return true;
}

/* RFC 2034 section 4: class "." subject "." detail, then a space or the end; the class is the code's. */
static void read_enhanced(struct smtp_reply *reply) {
    struct span text = smtp_reply_line(reply, 0);
    unsigned *enhanced = reply->enhanced;
    reply->has_enhanced = take_number(&text, &enhanced[0]) && take_char(&text, '.') &&
                          take_number(&text, &enhanced[1]) && take_char(&text, '.') &&
                          take_number(&text, &enhanced[2]) && (text.len == 0 || text.ptr[0] == ' ') &&
                          enhanced[0] == smtp_reply_class(reply);
    if (!reply->has_enhanced) enhanced[0] = enhanced[1] = enhanced[2] = 0;
}

static enum smtp_reply_status end_line(struct smtp_reply *reply) {
    struct smtp_reply_scan *scan = &reply->scan;
    if (reply->code != 0 && reply->code != scan->line_code) return SMTP_REPLY_MALFORMED;
    reply->code = scan->line_code;
    if (scan->lines < SMTP_REPLY_LINES_MAX) {
        bytes_append_char(&reply->text, '\n');
        reply->line_count++;
    }
    if (scan->lines++ == 0) read_enhanced(reply);
    scan->line_code = 0;
    scan->line_len = 0;
    scan->state = CODE_1;
    if (reply->text.failed) return SMTP_REPLY_NO_MEMORY;
    return scan->is_last ? SMTP_REPLY_COMPLETE : SMTP_REPLY_MORE;
}

static enum smtp_reply_status take_code_digit(struct smtp_reply *reply, char c, bool fits) {
    if (!fits) return SMTP_REPLY_MALFORMED;
    reply->scan.line_code = reply->scan.line_code * 10 + (unsigned)(c - '0');
    reply->scan.state++;
    return SMTP_REPLY_MORE;
}

static enum smtp_reply_status take_separator(struct smtp_reply *reply, char c) {
    reply->scan.is_last = c != '-';
    reply->scan.state = LINE;
    if (c == ' ' || c == '-') return SMTP_REPLY_MORE;
    if (c == '\n') return end_line(reply);
    if (c != '\r') return SMTP_REPLY_MALFORMED; /* "250" and its line end only: RFC 5321 4.2 asks clients to take it */
    reply->scan.state = LINE_CR;
    return SMTP_REPLY_MORE;
}

static enum smtp_reply_status take_text(struct smtp_reply *reply, char c) {
    if (reply->scan.state == LINE_CR && c != '\n') put(reply, '\r');
    reply->scan.state = c == '\r' ? LINE_CR : LINE;
    if (c == '\n') return end_line(reply);
    if (c != '\r') put(reply, c);
    return SMTP_REPLY_MORE;
}

static enum smtp_reply_status take(struct smtp_reply *reply, char c) {
    if (++reply->scan.octets > SMTP_REPLY_OCTETS_MAX) return SMTP_REPLY_TOO_LONG;
    switch ((enum state)reply->scan.state) {
    case CODE_1: return take_code_digit(reply, c, c >= '2' && c <= '5');
    case CODE_2:
    case CODE_3: return take_code_digit(reply, c, ascii_is_digit(c));
    case SEPARATOR: return take_separator(reply, c);
    case LINE:
    case LINE_CR: break;
    }
    return take_text(reply, c);
}

enum smtp_reply_status smtp_reply_update(struct smtp_reply *reply, struct span octets, size_t *taken) {
    enum smtp_reply_status status = SMTP_REPLY_MORE;
    for (*taken = 0; *taken < octets.len && status == SMTP_REPLY_MORE; (*taken)++)
        status = take(reply, octets.ptr[*taken]);
    return status;
}

struct span smtp_reply_line(const struct smtp_reply *reply, size_t i) {
    assert(i < reply->line_count);
    struct span rest = bytes_span(&reply->text);
    for (; i > 0; i--) rest = span_after(rest, span_find(rest, '\n') + 1);
    return span_first(rest, span_find(rest, '\n'));
}

static void write_line(struct bytes *out, unsigned code, bool is_last, const char *enhanced, struct span text) {
    size_t start = out->len;
    bytes_append_uint(out, code);
    bytes_append_char(out, is_last ? ' ' : '-');
    if (enhanced != NULL) {
        bytes_append_text(out, enhanced);
        bytes_append_char(out, ' ');
    }
    for (size_t i = 0; i < text.len && out->len - start < SMTP_REPLY_LINE_MAX && !out->failed; i++)
        bytes_append_char(out, clean(text.ptr[i]));
    bytes_append(out, span_of("\r\n"));
}

void smtp_reply_write(struct bytes *out, const struct smtp_reply *reply) {
    struct span rest = bytes_span(&reply->text);
    for (size_t i = 0; i < reply->line_count; i++) {
        size_t len = span_find(rest, '\n');
        write_line(out, reply->code, i + 1 == reply->line_count, NULL, span_first(rest, len));
        rest = span_after(rest, len + 1);
    }
}

void smtp_reply_write_own(struct bytes *out, unsigned code, const char *enhanced, struct span text) {
    for (bool is_last = false; !is_last;) {
        size_t len = span_find(text, '\n');
        is_last = len == text.len;
        write_line(out, code, is_last, enhanced, span_first(text, len));
        text = span_after(text, is_last ? len : len + 1);
    }
}

bool smtp_reply_set(struct smtp_reply *reply, unsigned code, const char *enhanced, const char *text) {
    smtp_reply_clear(reply);
    for (struct span rest = span_of(text); !reply->scan.is_last;) {
        size_t len = span_find(rest, '\n');
        reply->scan.line_code = code;
        reply->scan.is_last = len == rest.len;
        for (size_t i = 0; enhanced != NULL && enhanced[i] != '\0'; i++) put(reply, enhanced[i]);
        if (enhanced != NULL) put(reply, ' ');
        for (size_t i = 0; i < len; i++) put(reply, rest.ptr[i]);
        end_line(reply);
        rest = span_after(rest, reply->scan.is_last ? len : len + 1);
    }
    return !reply->text.failed;
}
