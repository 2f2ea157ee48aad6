#include "http/help_page.h"
#include "http/tag_text.h"
#include "verifier/arc_report.h"
#include "verifier/dkim_report.h"
#include "verifier/dmarc_report.h"
#include "verifier/spf_report.h"

struct span help_page_path(enum language language) {
    return span_of(language == LANGUAGE_FR ? "/aide" : "/help");
}

void help_page_link_finding(struct bytes *out, enum language language, enum finding_id finding) {
    const char *name = finding_name(finding);
    bytes_append_format(out, "<a href=\"/%s%s#%s\">%s</a>", page_language_word(language), help_page_path(language).ptr,
                        name, name);
}

/* --- sentences with places --- */

static const struct {
    const char *name;
    enum page_text text;
} help_places[] = {
    {"bits", PLACE_BITS},         {"detail", PLACE_DETAIL},     {"domain", PLACE_DOMAIN},
    {"expected", PLACE_EXPECTED}, {"found", PLACE_FOUND},       {"hop", PLACE_HOP},
    {"line", PLACE_LINE},         {"lines", PLACE_LINES},       {"mechanism", PLACE_MECHANISM},
    {"name", PLACE_NAME},         {"octets", PLACE_OCTETS},     {"policy_domain", PLACE_POLICY_DOMAIN},
    {"position", PLACE_POSITION}, {"selector", PLACE_SELECTOR}, {"tag", PLACE_TAG},
    {"text", PLACE_TEXT},
};

static void write_place(struct bytes *out, enum language language, struct span name) {
    bytes_append_text(out, "<var>");
    for (size_t i = 0; i < sizeof help_places / sizeof *help_places; i++)
        if (span_is(name, help_places[i].name)) page_say(out, language, help_places[i].text);
    bytes_append_text(out, "</var>");
}

static void write_sentence(struct bytes *out, enum language language, const struct phrase *phrase) {
    struct span text = span_of(phrase->text[language]);
    while (text.len > 0) {
        size_t open = span_find(text, '{');
        html_text(out, span_first(text, open));
        text = span_after(text, open);
        if (text.len == 0) return;
        size_t close = span_find(text, '}');
        write_place(out, language, (struct span){text.ptr + 1, close - 1});
        text = span_after(text, close + 1);
    }
}

/* --- entries of a list --- */

static void begin_section(struct bytes *out, enum language language, enum page_text title, const char *id) {
    bytes_append_format(out, "<h2 id=\"%s\">", id);
    page_say(out, language, title);
    bytes_append_text(out, "</h2>\n<dl class=\"help\">\n");
}

static void end_section(struct bytes *out) { bytes_append_text(out, "</dl>\n"); }

/* prefix, name: of the anchor; shown: what people see of it. */
static void write_term(struct bytes *out, const char *prefix, const char *name, bool has_anchor, const char *suffix) {
    bytes_append_text(out, "<dt");
    if (has_anchor) bytes_append_format(out, " id=\"%s%s\"", prefix, name);
    bytes_append_format(out, "><code>%s%s</code></dt>", name, suffix);
}

static void write_meaning(struct bytes *out, enum language language, const struct phrase *why,
                          const struct phrase *cure) {
    bytes_append_text(out, "<dd>");
    write_sentence(out, language, why);
    if (cure != NULL && cure->text[language][0] != '\0') {
        bytes_append_text(out, " <span class=\"cure\">");
        page_say(out, language, HELP_TO_DO);
        bytes_append_char(out, ' ');
        write_sentence(out, language, cure);
        bytes_append_text(out, "</span>");
    }
    bytes_append_text(out, "</dd>\n");
}

/* --- sections --- */

static void write_tags(struct bytes *out, enum language language, enum tag_text_list list, enum page_text title,
                       const char *suffix) {
    struct bytes id = bytes_with_cap(32);
    bytes_append_format(&id, "tag-%s", tag_text_list_word(list));
    bytes_append_char(&id, '\0');
    if (id.failed) {
        out->failed = true;
        return bytes_release(&id);
    }
    begin_section(out, language, title, id.ptr);
    id.ptr[id.len - 1] = '-';
    bytes_append_char(&id, '\0');
    for (size_t i = 0; i < tag_text_count && !id.failed; i++) {
        if (tag_texts[i].list != list) continue;
        write_term(out, id.ptr, tag_texts[i].tag, true, suffix);
        write_meaning(out, language, &tag_texts[i].text, NULL);
    }
    out->failed |= id.failed;
    bytes_release(&id);
    end_section(out);
}

/* A name of the catalogue may speak in several sentences; the first one has the anchor. */
static bool is_first_of_name(enum finding_id finding) {
    for (unsigned i = 0; i < (unsigned)finding; i++)
        if (strcmp(finding_name((enum finding_id)i), finding_name(finding)) == 0) return false;
    return true;
}

/* A cause, with the findings that are counted under it. */
static void write_cause(struct bytes *out, enum language language, enum cause cause) {
    write_term(out, "cause-", cause_word(cause), true, "");
    bytes_append_text(out, "<dd>");
    page_say(out, language, page_text_of_cause(cause));
    for (unsigned i = 0; i < FINDING_COUNT; i++) {
        if (finding_cause((enum finding_id)i) != cause || !is_first_of_name((enum finding_id)i)) continue;
        bytes_append_format(out, " <a href=\"#%s\">%s</a>", finding_name((enum finding_id)i),
                            finding_name((enum finding_id)i));
    }
    bytes_append_text(out, "</dd>\n");
}

static void write_causes(struct bytes *out, enum language language) {
    begin_section(out, language, HELP_CAUSES, "causes");
    for (unsigned i = 0; i < CAUSE_COUNT; i++) write_cause(out, language, (enum cause)i);
    end_section(out);
}

#define WRITE_CODES(function, method, title, type, last)                                                               \
    static void function(struct bytes *out, enum language language) {                                                  \
        begin_section(out, language, title, #method);                                                                  \
        for (unsigned i = 0; i < (last); i++) {                                                                        \
            enum type code = (enum type)i;                                                                             \
            write_term(out, #method "-", method##_code_word(code), true, "");                                          \
            write_meaning(out, language, method##_code_why(code), method##_code_cure(code));                           \
        }                                                                                                              \
        end_section(out);                                                                                              \
    }
WRITE_CODES(write_dkim_codes, dkim, HELP_CODES_DKIM, dkim_code, DKIM_CODE_COUNT)
WRITE_CODES(write_arc_codes, arc, HELP_CODES_ARC, arc_code, ARC_CODE_COUNT)
WRITE_CODES(write_spf_codes, spf, HELP_CODES_SPF, spf_code, SPF_CODE_COUNT)
WRITE_CODES(write_dmarc_codes, dmarc, HELP_CODES_DMARC, dmarc_code, DMARC_CODE_COUNT)

static void write_findings(struct bytes *out, enum language language) {
    begin_section(out, language, HELP_FINDINGS, "findings");
    for (unsigned i = 0; i < FINDING_COUNT; i++) {
        enum finding_id finding = (enum finding_id)i;
        write_term(out, "", finding_name(finding), is_first_of_name(finding), "");
        write_meaning(out, language, finding_sentence(finding), finding_cure(finding));
    }
    end_section(out);
}

/* --- the page --- */

static void write_contents(struct bytes *out, enum language language) {
    static const struct {
        const char *id;
        enum page_text title;
    } sections[] = {
        {"tag-signature", HELP_TAGS_SIGNATURE},
        {"tag-key", HELP_TAGS_KEY},
        {"tag-arc", HELP_TAGS_ARC},
        {"tag-spf", HELP_TAGS_SPF},
        {"tag-dmarc", HELP_TAGS_DMARC},
        {"dkim", HELP_CODES_DKIM},
        {"spf", HELP_CODES_SPF},
        {"dmarc", HELP_CODES_DMARC},
        {"arc", HELP_CODES_ARC},
        {"causes", HELP_CAUSES},
        {"findings", HELP_FINDINGS},
    };
    bytes_append_text(out, "<nav aria-label=\"");
    page_say(out, language, HELP_CONTENTS);
    bytes_append_text(out, "\"><ul>");
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        bytes_append_format(out, "<li><a href=\"#%s\">", sections[i].id);
        page_say(out, language, sections[i].title);
        bytes_append_text(out, "</a></li>");
    }
    bytes_append_text(out, "</ul></nav>\n");
}

void help_page_write(const struct http_request *request, struct http_reply *reply, enum language language) {
    struct bytes *out = &reply->body;
    const struct page page = {.language = language,
                              .title = HELP_TITLE,
                              .rest = help_page_path(language),
                              .other_rest = help_page_path(language == LANGUAGE_FR ? LANGUAGE_EN : LANGUAGE_FR)};
    page_begin(reply, &page);
    bytes_append_text(out, "<h1>");
    page_say(out, language, HELP_TITLE);
    bytes_append_text(out, "</h1>\n<p>");
    page_say(out, language, HELP_ABOUT);
    bytes_append_text(out, "</p>\n");
    write_contents(out, language);
    write_tags(out, language, TAG_TEXT_SIGNATURE, HELP_TAGS_SIGNATURE, "=");
    write_tags(out, language, TAG_TEXT_KEY, HELP_TAGS_KEY, "=");
    write_tags(out, language, TAG_TEXT_ARC, HELP_TAGS_ARC, "=");
    write_tags(out, language, TAG_TEXT_SPF, HELP_TAGS_SPF, "");
    write_tags(out, language, TAG_TEXT_DMARC, HELP_TAGS_DMARC, "=");
    write_dkim_codes(out, language);
    write_spf_codes(out, language);
    write_dmarc_codes(out, language);
    write_arc_codes(out, language);
    write_causes(out, language);
    write_findings(out, language);
    page_end(reply, request);
}
