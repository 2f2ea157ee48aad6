#include "http/tester_tags.h"
#include "http/drawn_text.h"

enum { VALUE_SHOWN = 2048 };

void tester_tags_heads(struct bytes *out, enum language language, const enum page_text *heads, size_t count) {
    bytes_append_text(out, "<table class=\"facts\"><thead><tr>");
    for (size_t i = 0; i < count; i++) {
        bytes_append_text(out, "<th scope=\"col\">");
        page_say(out, language, heads[i]);
        bytes_append_text(out, "</th>");
    }
    bytes_append_text(out, "</tr></thead><tbody>\n");
}

void tester_tags_begin(struct bytes *out, enum language language) {
    static const enum page_text heads[] = {REPORT_TAG, REPORT_VALUE, REPORT_MEANING};
    tester_tags_heads(out, language, heads, sizeof heads / sizeof *heads);
}

void tester_tags_write(struct bytes *out, enum language language, enum tag_text_list list, struct span name,
                       struct span value) {
    const struct tag_text *known = tag_text_find(list, name);
    bytes_append_text(out, "<tr><th scope=\"row\"><code>");
    html_text(out, name);
    bytes_append_text(out, "</code></th><td><code>");
    drawn_text_write_first(out, value, VALUE_SHOWN);
    bytes_append_text(out, "</code></td><td>");
    if (known != NULL)
        page_say_phrase(out, language, &known->text, NULL, 0);
    else
        page_say(out, language, REPORT_TAG_UNKNOWN);
    bytes_append_text(out, "</td></tr>\n");
}

void tester_tags_end(struct bytes *out) { bytes_append_text(out, "</tbody></table>\n"); }
