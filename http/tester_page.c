#include "http/tester_page.h"
#include <stdio.h>
#include <time.h>
#include "http/route.h"
#include "http/tester_report_page.h"
#include "http/tester_rows.h"

enum { NUMBER_MAX = 24, TIME_MAX = 32, PATH_MAX_OCTETS = 64, DOMAIN_PAGE_MAX = 384 * 1024 };

/* --- words --- */

static void element(struct bytes *out, enum language language, const char *name, enum page_text text) {
    bytes_append_format(out, "<%s>", name);
    page_say(out, language, text);
    bytes_append_format(out, "</%.*s>\n", (int)strcspn(name, " "), name);
}

/* "2026-11-24 12:03", in UTC. */
static void say_time(struct bytes *out, enum language language, enum page_text text, int64_t time_s, uint64_t count) {
    char when[TIME_MAX] = "?", number[NUMBER_MAX];
    time_t seconds = (time_t)time_s;
    struct tm utc;
    if (gmtime_r(&seconds, &utc) != NULL) strftime(when, sizeof when, "%Y-%m-%d %H:%M", &utc);
    snprintf(number, sizeof number, "%llu", (unsigned long long)count);
    const struct phrase_value values[] = {{"time", span_of(when)}, {"count", span_of(number)}};
    page_say_with(out, language, text, values, 2);
}

static void title(struct bytes *out, enum language language, enum page_text text) {
    element(out, language, "h1", text);
}

static void begin_form(struct bytes *out, enum language language, const char *path, const char *more) {
    bytes_append_format(out, "<form method=\"post\" action=\"/%s%s\"%s>\n", page_language_word(language), path, more);
}

static void end_form(struct bytes *out, enum language language, enum page_text button) {
    bytes_append_text(out, "<p><button>");
    page_say(out, language, button);
    bytes_append_text(out, "</button></p>\n</form>\n");
}

/* A label, and the field it is for: an element's beginning without its id and name. */
static void field(struct bytes *out, enum language language, enum page_text label, const char *begin, const char *name,
                  const char *end) {
    bytes_append_format(out, "<p><label for=\"%s\">", name);
    page_say(out, language, label);
    bytes_append_format(out, "</label> <%s id=\"%s\" name=\"%s\">%s</p>\n", begin, name, name, end);
}

#define INPUT "input type=\"text\" autocapitalize=\"none\" autocomplete=\"off\" spellcheck=\"false\""
#define AREA(rows) "textarea rows=\"" #rows "\" autocapitalize=\"none\" autocomplete=\"off\" spellcheck=\"false\""

/* --- the front --- */

static void begin_door(struct bytes *out, enum language language, enum page_text name, enum page_text about,
                       const char *id) {
    bytes_append_format(out, "<section class=\"door\" aria-labelledby=\"%s\">\n<h2 id=\"%s\">", id, id);
    page_say(out, language, name);
    bytes_append_text(out, "</h2>\n");
    element(out, language, "p", about);
}

static void write_mail_door(struct bytes *out, enum language language) {
    begin_door(out, language, FRONT_MAIL, FRONT_MAIL_ABOUT, "mail");
    begin_form(out, language, "/t", "");
    end_form(out, language, FRONT_MAIL_BUTTON);
    bytes_append_text(out, "</section>\n");
}

static void write_paste_door(struct bytes *out, enum language language, bool may_keep) {
    begin_door(out, language, FRONT_PASTE, FRONT_PASTE_ABOUT, "paste");
    begin_form(out, language, "/t/message", " enctype=\"multipart/form-data\"");
    field(out, language, FRONT_PASTE_TEXT, AREA(6), "text", "</textarea>");
    field(out, language, FRONT_PASTE_FILE, "input type=\"file\"", "file", "");
    if (may_keep) {
        bytes_append_text(out,
                          "<p><input type=\"checkbox\" id=\"keep\" name=\"keep\" value=\"1\"> <label for=\"keep\">");
        page_say(out, language, FRONT_PASTE_KEEP);
        bytes_append_text(out, "</label></p>\n");
    }
    end_form(out, language, FRONT_PASTE_BUTTON);
    bytes_append_text(out, "</section>\n");
}

static void write_domain_door(struct bytes *out, enum language language) {
    begin_door(out, language, FRONT_DOMAIN, FRONT_DOMAIN_ABOUT, "look");
    begin_form(out, language, "/d", "");
    field(out, language, FRONT_DOMAIN_NAME, INPUT, "domain", "");
    field(out, language, FRONT_DOMAIN_SELECTORS, INPUT, "selectors", "");
    bytes_append_text(out, "<details><summary>");
    page_say(out, language, FRONT_DOMAIN_MORE);
    bytes_append_text(out, "</summary>\n");
    field(out, language, FRONT_DOMAIN_TARGET, INPUT, "target", "");
    field(out, language, FRONT_DOMAIN_ANSWER, AREA(4), "answer", "</textarea>");
    field(out, language, FRONT_DOMAIN_RECORD, AREA(3), "record", "</textarea>");
    bytes_append_text(out, "</details>\n");
    end_form(out, language, FRONT_DOMAIN_BUTTON);
    bytes_append_text(out, "</section>\n");
}

static void write_operators_links(struct bytes *out, enum language language) {
    bytes_append_format(out, "<ul class=\"choice\"><li><a href=\"/%s/stats\">", page_language_word(language));
    page_say(out, language, FRONT_OPERATOR);
    bytes_append_text(out, "</a></li><li><a href=\"/routes\">");
    page_say(out, language, FRONT_OPERATOR_ALL);
    bytes_append_text(out, "</a></li></ul>\n");
}

void tester_front_page_write(const struct http_request *request, struct http_reply *reply, enum language language,
                             const struct tester_setup *facts, bool was_deleted) {
    struct bytes *out = &reply->body;
    const struct page page = {.language = language, .title = TESTER_TITLE, .rest = span_of("/")};
    page_begin(reply, &page);
    title(out, language, TESTER_TITLE);
    if (was_deleted) element(out, language, "p role=\"status\" class=\"told\"", TEST_DELETED);
    element(out, language, "p", FRONT_ABOUT);
    bytes_append_text(out, "<div class=\"doors\">\n");
    if (facts->domain[0] != '\0') write_mail_door(out, language);
    write_paste_door(out, language, facts->may_keep_messages);
    write_domain_door(out, language);
    bytes_append_text(out, "</div>\n<p class=\"quiet\">");
    page_say_number(out, language, FRONT_PRIVACY, (uint64_t)(facts->retention_s + 3599) / 3600);
    bytes_append_text(out, "</p>\n");
    if ((request->services & HTTP_PAGES) != 0) write_operators_links(out, language);
    page_end(reply, request);
}

/* --- a test --- */

/* Hides nothing from those without script: a button appears by script only. */
static void write_copy_button(struct bytes *out, enum language language, const char *id) {
    bytes_append_format(out, " <button type=\"button\" hidden data-copy=\"%s\" data-done=\"", id);
    page_say(out, language, REPORT_COPIED);
    bytes_append_text(out, "\">");
    page_say(out, language, REPORT_COPY);
    bytes_append_text(out, "</button>");
}

static void write_address(struct bytes *out, enum language language, const struct tester_setup *facts,
                          const struct tester_view *view) {
    char until[TIME_MAX] = "";
    time_t seconds = (time_t)view->expires_s;
    struct tm utc;
    if (gmtime_r(&seconds, &utc) != NULL) strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &utc);
    element(out, language, "p", TEST_SEND);
    bytes_append_format(out, "<p class=\"address\"><code id=\"address\">%s@", view->token);
    html_text(out, span_of(facts->domain));
    bytes_append_text(out, "</code>");
    write_copy_button(out, language, "address");
    bytes_append_text(out, "</p>\n<p class=\"quiet\">");
    say_time(out, language, TEST_UNTIL, view->expires_s, TESTER_MESSAGES_MAX);
    bytes_append_format(out, " <span id=\"left\" hidden data-until=\"%s\" data-text=\"", until);
    page_say(out, language, TEST_LEFT);
    bytes_append_text(out, "\"></span></p>\n");
}

static bool is_waiting(const struct tester_view *view) {
    return view->takes_mail || view->received > view->report_count;
}

static void begin_live(struct bytes *out, enum language language, const struct tester_view *view) {
    bytes_append_format(out, "<div id=\"live\" data-events=\"/%s/t/%s/events\" data-shown=\"%zu\" data-told=\"",
                        page_language_word(language), view->token, view->report_count);
    page_say(out, language, TEST_TOLD);
    bytes_append_text(out, "\">\n<p id=\"attente\" class=\"quiet\">");
    page_say(out, language,
             !view->takes_mail        ? TEST_WORKING
             : view->report_count > 0 ? TEST_WAITING_MORE
                                      : TEST_WAITING);
    bytes_append_text(out, "</p>\n<ol id=\"rows\" class=\"rows\" aria-live=\"polite\">");
}

static void end_live(struct bytes *out, enum language language) {
    bytes_append_text(out, "</ol>\n<p id=\"told\" role=\"status\"></p>\n<noscript><p><a href=\"?\">");
    page_say(out, language, TEST_REFRESH);
    bytes_append_text(out, "</a></p></noscript>\n</div>\n");
}

static void write_share(struct bytes *out, enum language language, const struct tester_setup *facts,
                        const struct tester_view *view) {
    char path[PATH_MAX_OCTETS];
    if (view->share[0] == '\0') {
        snprintf(path, sizeof path, "/t/%s/share", view->token);
        begin_form(out, language, path, "");
        return end_form(out, language, TEST_SHARE);
    }
    element(out, language, "p", TEST_SHARED);
    bytes_append_format(out, "<p><a id=\"share\" href=\"/%s/r/%s\">", page_language_word(language), view->share);
    html_text(out, span_of(facts->base_url));
    bytes_append_format(out, "/r/%s</a>", view->share);
    write_copy_button(out, language, "share");
    bytes_append_text(out, "</p>\n");
}

static void write_actions(struct bytes *out, enum language language, const struct tester_setup *facts,
                          const struct tester_view *view) {
    char path[PATH_MAX_OCTETS];
    snprintf(path, sizeof path, "/t/%s/delete", view->token);
    element(out, language, "h2", TEST_ACTIONS);
    if (view->report_count > 0) write_share(out, language, facts, view);
    begin_form(out, language, path, "");
    end_form(out, language, TEST_DELETE);
    bytes_append_text(out, "<p class=\"quiet\">");
    say_time(out, language, TEST_DELETED_AT, view->deleted_s, 0);
    bytes_append_format(out, "</p>\n<ul class=\"choice\"><li><a href=\"/api/v1/tests/%s\">", view->token);
    page_say(out, language, TEST_JSON);
    bytes_append_format(out, "</a></li><li><a href=\"/%s/\">", page_language_word(language));
    page_say(out, language, TEST_NEW);
    bytes_append_text(out, "</a></li></ul>\n");
}

static void begin_test(struct http_reply *reply, enum language language, const struct tester_setup *facts,
                       const struct tester_view *view, bool has_script, bool goes_live) {
    char path[PATH_MAX_OCTETS];
    snprintf(path, sizeof path, "/t/%s", view->token);
    const struct page page = {.language = language,
                              .title = TEST_TITLE,
                              .rest = span_of(path),
                              .has_script = has_script,
                              .is_private = true,
                              .without_script = goes_live ? "?live" : NULL};
    page_begin(reply, &page);
    title(&reply->body, language, TEST_TITLE);
    if (view->source != TESTER_BY_MAIL) return;
    if (view->takes_mail)
        write_address(&reply->body, language, facts, view);
    else
        element(&reply->body, language, "p", TEST_OVER);
}

static void write_reports(struct bytes *out, enum language language, const struct tester_view *view) {
    for (size_t i = 0; i < view->report_count; i++)
        tester_report_page_write(out, language, view->report[i], (unsigned)i + 1);
}

void tester_test_page_write(const struct http_request *request, struct http_reply *reply, enum language language,
                            const struct tester_setup *facts, const struct tester_view *view, bool goes_live) {
    struct bytes *out = &reply->body;
    begin_test(reply, language, facts, view, true, goes_live && is_waiting(view) && view->report_count == 0);
    if (is_waiting(view)) {
        begin_live(out, language, view);
        end_live(out, language);
    }
    bytes_append_text(out, "<div id=\"reports\">\n");
    write_reports(out, language, view);
    write_actions(out, language, facts, view);
    bytes_append_text(out, "</div>\n");
    page_end(reply, request);
}

void tester_live_page_begin(struct http_reply *reply, enum language language, const struct tester_setup *facts,
                            const struct tester_view *view) {
    begin_test(reply, language, facts, view, false, false);
    bytes_append_text(&reply->body, "<p><a href=\"?still\">");
    page_say(&reply->body, language, TEST_ACTIONS);
    bytes_append_text(&reply->body, "</a></p>\n");
    begin_live(&reply->body, language, view);
}

void tester_shared_page_write(const struct http_request *request, struct http_reply *reply, enum language language,
                              struct span share, const struct tester_view *view) {
    struct bytes path = bytes_with_cap(PATH_MAX_OCTETS), *out = &reply->body;
    bytes_append_text(&path, "/r/");
    bytes_append(&path, share);
    const struct page page = {
        .language = language, .title = SHARED_TITLE, .rest = bytes_span(&path), .has_script = true, .is_private = true};
    page_begin(reply, &page);
    title(out, language, SHARED_TITLE);
    bytes_append_text(out, "<p class=\"quiet\">");
    say_time(out, language, SHARED_ABOUT, view->deleted_s, 0);
    bytes_append_text(out, "</p>\n");
    write_reports(out, language, view);
    bytes_append_format(out, "<ul class=\"choice\"><li><a href=\"/%s/\">", page_language_word(language));
    page_say(out, language, TEST_NEW);
    bytes_append_text(out, "</a></li></ul>\n");
    page_end(reply, request);
    bytes_release(&path);
}

/* --- a domain --- */

void tester_domain_page_begin(struct http_reply *reply, enum language language, struct span domain, struct span query) {
    struct bytes path = bytes_with_cap(1024);
    bytes_append_text(&path, query.len > 0 ? "/d/" : "/");
    if (query.len > 0) bytes_append(&path, domain);
    const struct page page = {
        .language = language, .title = DOMAIN_TITLE, .rest = bytes_span(&path), .query = query, .has_script = true};
    page_begin(reply, &page);
    title(&reply->body, language, DOMAIN_TITLE);
    element(&reply->body, language, "p id=\"attente\" class=\"quiet\" role=\"status\"", DOMAIN_WAITING);
    reply->body.failed |= path.failed;
    bytes_release(&path);
}

void tester_domain_page_write(struct bytes *out, const struct tester_report *report, enum language language) {
    struct bytes body = bytes_with_cap(DOMAIN_PAGE_MAX);
    for (size_t i = 0; report != NULL && i < report->record_count; i++) {
        char id[NUMBER_MAX];
        size_t before = body.len;
        snprintf(id, sizeof id, "d%zu", i);
        tester_record_page_write(&body, language, &report->record[i], id, 2);
        if (body.failed) body.len = before;
    }
    bytes_append_text(out, "<div id=\"fini\">\n");
    bytes_append(out, bytes_span(&body));
    if (report == NULL || body.failed) element(out, language, "p", report == NULL ? PROBLEM_MEMORY : DOMAIN_TOO_LONG);
    bytes_append_format(out, "<ul class=\"choice\"><li><a href=\"/%s/\">", page_language_word(language));
    page_say(out, language, TEST_NEW);
    bytes_append_text(out, "</a></li></ul>\n</div>\n</main>\n</body>\n</html>\n");
    bytes_release(&body);
}

/* --- why not --- */

void tester_problem_page_write(const struct http_request *request, struct http_reply *reply, enum language language,
                               unsigned status, enum page_text text) {
    struct bytes *out = &reply->body;
    const struct page page = {.language = language, .title = PROBLEM_TITLE, .rest = span_of("/")};
    reply->status = status;
    page_begin(reply, &page);
    title(out, language, PROBLEM_TITLE);
    bytes_append_text(out, "<p>");
    page_say_number(out, language, text, reply->retry_after_s);
    bytes_append_format(out, "</p>\n<p><a href=\"/%s/\">", page_language_word(language));
    page_say(out, language, TEST_NEW);
    bytes_append_text(out, "</a></p>\n");
    page_end(reply, request);
}
