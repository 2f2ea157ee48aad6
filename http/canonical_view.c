#include "http/canonical_view.h"
#include <stdlib.h>
#include "http/drawn_text.h"
#include "http/page.h"

enum {
    MIDDLE_MAX = CANONICAL_VIEW_LINES - 2 * CANONICAL_VIEW_CONTEXT, /* lines of a side that are compared */
    LINE_SHOWN = 600,                                               /* octets of a line; of one that changed: */
    BEFORE_SHOWN = 120,                                             /* in front of the change */
    CHANGE_SHOWN = 400,
    BEHIND_SHOWN = 80,
};

struct lines {
    size_t count;
    struct span line[MIDDLE_MAX];
    size_t more; /* lines there was no room for */
};

/* A row being made: a line gone, a line that came, or both. */
struct view {
    struct bytes *out;
    enum language language;
    size_t rows, left_out;
};

/* --- finding the middle --- */

static size_t line_length(struct span text) {
    size_t end = span_find(text, '\n');
    return end < text.len ? end + 1 : text.len;
}

/* Where the line that holds offset begins. */
static size_t line_start(struct span text, size_t offset) {
    while (offset > 0 && text.ptr[offset - 1] != '\n') offset--;
    return offset;
}

static size_t common_head(struct span a, struct span b) {
    size_t most = a.len < b.len ? a.len : b.len, len = 0;
    while (len < most && a.ptr[len] == b.ptr[len]) len++;
    return len;
}

static size_t common_tail(struct span a, struct span b) {
    size_t most = a.len < b.len ? a.len : b.len, len = 0;
    while (len < most && a.ptr[a.len - 1 - len] == b.ptr[b.len - 1 - len]) len++;
    return len;
}

/* Octets at the start of both that are whole lines and alike. */
static size_t equal_lines_at_start(struct span a, struct span b) {
    size_t len = common_head(a, b);
    return len == a.len && len == b.len ? len : line_start(a, len);
}

/* The same at the end: what is alike may begin within a line of one of them, whose rest does not count. */
static size_t equal_lines_at_end(struct span a, struct span b) {
    size_t len = common_tail(a, b);
    bool begins_line =
        (len == a.len || a.ptr[a.len - 1 - len] == '\n') && (len == b.len || b.ptr[b.len - 1 - len] == '\n');
    return begins_line ? len : len - line_length((struct span){a.ptr + a.len - len, len});
}

static void split(struct span text, struct lines *lines) {
    for (; text.len > 0; text = span_after(text, line_length(text))) {
        if (lines->count < MIDDLE_MAX)
            lines->line[lines->count++] = span_first(text, line_length(text));
        else
            lines->more++;
    }
}

/* --- rows --- */

static void begin_cell(struct view *view, enum page_text label) {
    bytes_append_text(view->out, "<td role=\"cell\" data-label=\"");
    page_say(view->out, view->language, label);
    bytes_append_text(view->out, "\">");
}

/* One side of a row; before and behind are octets it shares with the other side. */
static void write_marked(struct bytes *out, struct span line, size_t before, size_t behind, const char *element) {
    struct span change = {line.ptr + before, line.len - before - behind};
    drawn_text_write_last(out, span_first(line, before), BEFORE_SHOWN);
    if (change.len > 0) {
        bytes_append_format(out, "<%s>", element);
        drawn_text_write_first(out, change, CHANGE_SHOWN);
        bytes_append_format(out, "</%s>", element);
    }
    drawn_text_write_first(out, span_after(line, before + change.len), BEHIND_SHOWN);
}

static bool has_room(struct view *view) {
    bool fits = view->rows < CANONICAL_VIEW_LINES;
    *(fits ? &view->rows : &view->left_out) += 1;
    return fits;
}

static void write_equal(struct view *view, struct span line) {
    if (!has_room(view)) return;
    bytes_append_text(view->out, "<tr role=\"row\" class=\"same\">");
    for (unsigned side = 0; side < 2; side++) {
        begin_cell(view, side == 0 ? VIEW_SIGNED : VIEW_RECEIVED);
        drawn_text_write_first(view->out, line, LINE_SHOWN);
        bytes_append_text(view->out, "</td>");
    }
    bytes_append_text(view->out, "</tr>\n");
}

static bool continues(struct span line, size_t at) {
    return at < line.len && ((unsigned char)line.ptr[at] & 0xc0) == 0x80;
}

/* What both share is worth showing apart only when it is a good part of them. gone or come may be NULL. */
static void write_changed(struct view *view, const struct span *gone, const struct span *come) {
    size_t before = 0, behind = 0;
    if (!has_room(view)) return;
    if (gone != NULL && come != NULL) {
        before = common_head(*gone, *come);
        while (before > 0 && (continues(*gone, before) || continues(*come, before))) before--;
        behind = common_tail(span_after(*gone, before), span_after(*come, before));
        while (behind > 0 && continues(*gone, gone->len - behind)) behind--;
        if ((before + behind) * 4 < gone->len || (before + behind) * 4 < come->len) before = behind = 0;
    }
    bytes_append_text(view->out, "<tr role=\"row\">");
    begin_cell(view, VIEW_SIGNED);
    if (gone != NULL) write_marked(view->out, *gone, before, behind, "del");
    bytes_append_text(view->out, "</td>");
    begin_cell(view, VIEW_RECEIVED);
    if (come != NULL) write_marked(view->out, *come, before, behind, "ins");
    bytes_append_text(view->out, "</td></tr>\n");
}

/* Lines [a, a_end) became [b, b_end): side by side as far as there are two. */
static void write_replaced(struct view *view, const struct lines *original, size_t a, size_t a_end,
                           const struct lines *received, size_t b, size_t b_end) {
    for (; a < a_end || b < b_end; a += a < a_end, b += b < b_end)
        write_changed(view, a < a_end ? &original->line[a] : NULL, b < b_end ? &received->line[b] : NULL);
}

/* --- matching --- */

enum { STRIDE = MIDDLE_MAX + 1 };

/* longest[a * STRIDE + b]: most lines that the rests from a and from b have in common, in order. NULL: no memory. */
static uint16_t *measure(const struct lines *original, const struct lines *received) {
    uint16_t *longest = calloc((original->count + 1) * STRIDE, sizeof *longest);
    if (longest == NULL) return NULL;
    for (size_t a = original->count; a-- > 0;)
        for (size_t b = received->count; b-- > 0;) {
            uint16_t skip_a = longest[(a + 1) * STRIDE + b], skip_b = longest[a * STRIDE + b + 1];
            longest[a * STRIDE + b] = span_equal(original->line[a], received->line[b])
                                          ? (uint16_t)(longest[(a + 1) * STRIDE + b + 1] + 1)
                                      : skip_a > skip_b ? skip_a
                                                        : skip_b;
        }
    return longest;
}

static void write_middle(struct view *view, const struct lines *original, const struct lines *received) {
    uint16_t *longest = measure(original, received);
    size_t a = 0, b = 0, a_from = 0, b_from = 0;
    while (longest != NULL && a < original->count && b < received->count) {
        if (span_equal(original->line[a], received->line[b])) {
            write_replaced(view, original, a_from, a, received, b_from, b);
            write_equal(view, original->line[a]);
            a_from = ++a;
            b_from = ++b;
        } else if (longest[(a + 1) * STRIDE + b] >= longest[a * STRIDE + b + 1]) {
            a++;
        } else {
            b++;
        }
    }
    free(longest);
    write_replaced(view, original, a_from, original->count, received, b_from, received->count);
}

/* --- the table --- */

static void write_heads(struct view *view, bool is_proved) {
    bytes_append_text(view->out, "<table class=\"sides\" role=\"table\"><thead role=\"rowgroup\"><tr role=\"row\">"
                                 "<th role=\"columnheader\" scope=\"col\">");
    page_say(view->out, view->language, is_proved ? VIEW_SIGNED_PROVED : VIEW_SIGNED_SUPPOSED);
    bytes_append_text(view->out, "</th><th role=\"columnheader\" scope=\"col\">");
    page_say(view->out, view->language, VIEW_RECEIVED);
    bytes_append_text(view->out, "</th></tr></thead><tbody role=\"rowgroup\">\n");
}

static void write_rest(struct view *view, enum page_text text, uint64_t count) {
    struct bytes number = bytes_with_cap(32);
    if (count == 0) return;
    html_count(&number, count, view->language);
    bytes_append_text(view->out, "<p class=\"quiet\">");
    page_say_with(view->out, view->language, text, &(struct phrase_value){"count", bytes_span(&number)}, 1);
    bytes_append_text(view->out, "</p>\n");
    bytes_release(&number);
}

/* The last lines of what is alike in front, and the first ones of what is alike behind. */
static void write_context_before(struct view *view, struct span head) {
    size_t from = head.len;
    for (unsigned i = 0; i < CANONICAL_VIEW_CONTEXT && from > 0; i++) from = line_start(head, from - 1);
    for (struct span rest = span_after(head, from); rest.len > 0; rest = span_after(rest, line_length(rest)))
        write_equal(view, span_first(rest, line_length(rest)));
}

static void write_context_behind(struct view *view, struct span tail) {
    for (unsigned i = 0; i < CANONICAL_VIEW_CONTEXT && tail.len > 0; i++, tail = span_after(tail, line_length(tail)))
        write_equal(view, span_first(tail, line_length(tail)));
}

void canonical_view_write(struct bytes *out, enum language language, const struct canonical_sides *sides) {
    struct view view = {.out = out, .language = language};
    struct lines original = {0}, received = {0};
    size_t head = equal_lines_at_start(sides->original, sides->received);
    struct span a = span_after(sides->original, head), b = span_after(sides->received, head);
    size_t tail = equal_lines_at_end(a, b);
    split(span_first(a, a.len - tail), &original);
    split(span_first(b, b.len - tail), &received);
    write_heads(&view, sides->is_proved);
    write_context_before(&view, span_first(sides->original, head));
    write_middle(&view, &original, &received);
    write_context_behind(&view, span_after(a, a.len - tail));
    bytes_append_text(out, "</tbody></table>\n");
    write_rest(&view, VIEW_MORE_LINES, view.left_out + original.more + received.more);
    write_rest(&view, VIEW_MORE_SIGNED, sides->original_more);
    write_rest(&view, VIEW_MORE_RECEIVED, sides->received_more);
}
