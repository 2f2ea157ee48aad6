#include "http/tester_live.h"
#include "http/page.h"
#include "http/tester_report_page.h"
#include "http/tester_rows.h"

enum { ROW_MAX = 64 * 1024 };

/* A line of its own for an event's data: a line end inside would end it. */
static void append_on_one_line(struct bytes *out, struct span text) {
    for (size_t i = 0; i < text.len; i++)
        bytes_append_char(out, text.ptr[i] == '\n' || text.ptr[i] == '\r' ? ' ' : text.ptr[i]);
}

static void write_event(struct bytes *out, const struct tester_event *event, enum language language) {
    struct bytes row = bytes_with_cap(ROW_MAX);
    tester_rows_write_event(&row, language, event);
    if (row.len > 0 && !row.failed) {
        bytes_append_format(out, "id: %llu\nevent: row\ndata: <ol data-message=\"%u\">", (unsigned long long)event->id,
                            event->message);
        append_on_one_line(out, bytes_span(&row));
        bytes_append_text(out, "</ol>\n\n");
    }
    bytes_release(&row);
    if (event->kind == TESTER_EVENT_REPORT || event->kind == TESTER_EVENT_END)
        bytes_append_format(out, "id: %llu\nevent: %s\ndata: %u\n\n", (unsigned long long)event->id,
                            event->kind == TESTER_EVENT_REPORT ? "report" : "end", event->message);
}

static void write_report(struct bytes *out, const struct tester_event *event, enum language language) {
    bytes_append_text(out, "</ol>\n");
    tester_report_page_write(out, language, event->report, event->message + 1);
    bytes_append_text(out, "<p><a href=\"?still\">");
    page_say(out, language, TEST_ACTIONS);
    bytes_append_text(out, "</a></p>\n<ol class=\"rows\">\n");
}

static void write_part_of_page(struct bytes *out, const struct tester_event *event, enum language language) {
    tester_rows_write_event(out, language, event);
    if (event->kind == TESTER_EVENT_REPORT) write_report(out, event, language);
    if (event->kind == TESTER_EVENT_END)
        bytes_append_text(out, "</ol>\n<p id=\"fini\"></p>\n</div>\n</main>\n</body>\n</html>\n");
}

#define WRITERS(write, comment)                                                                                        \
    {                                                                                                                  \
        {write, comment, LANGUAGE_EN}, { write, comment, LANGUAGE_FR }                                                 \
    }
const struct tester_writer tester_live_events[LANGUAGE_COUNT] = WRITERS(write_event, ": \n\n");
const struct tester_writer tester_live_page[LANGUAGE_COUNT] = WRITERS(write_part_of_page, "<!-- -->\n");
