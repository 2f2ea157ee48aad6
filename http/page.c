#include "http/page.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/assets.h"
#include "http/negotiate.h"

static const struct phrase texts[] = {
#define PAGE_TEXT(id, en, fr) [id] = {{[LANGUAGE_EN] = en, [LANGUAGE_FR] = fr}},
#include "http/page_texts.def"
#undef PAGE_TEXT
};

static const char *const words[] = {[LANGUAGE_EN] = "en", [LANGUAGE_FR] = "fr"};
static const char *const names[] = {[LANGUAGE_EN] = "English", [LANGUAGE_FR] = "Français"};

_Static_assert(CAUSE_TEXT_LIMIT - CAUSE_TEXT_BODY_APPENDED + 1 == CAUSE_COUNT, "a text for each cause, in order");
enum page_text page_text_of_cause(enum cause cause) { return CAUSE_TEXT_BODY_APPENDED + (unsigned)cause; }

_Static_assert(DNSSEC_TEXT_BOGUS - DNSSEC_TEXT_INDETERMINATE + 1 == DNSSEC_STATE_COUNT, "a text for each state, in order");
enum page_text page_text_of_dnssec(enum dnssec_state state) { return DNSSEC_TEXT_INDETERMINATE + (unsigned)state; }

void page_say_phrase(struct bytes *out, enum language language, const struct phrase *phrase, const struct phrase_value *values,
                     size_t count) {
    struct bytes plain = bytes_with_cap(64 * 1024);
    phrase_append(&plain, phrase, language, values, count);
    html_text(out, bytes_span(&plain));
    out->failed |= plain.failed;
    bytes_release(&plain);
}

void page_say_with(struct bytes *out, enum language language, enum page_text text, const struct phrase_value *values, size_t count) {
    page_say_phrase(out, language, &texts[text], values, count);
}

void page_say(struct bytes *out, enum language language, enum page_text text) {
    html_text(out, span_of(texts[text].text[language]));
}

void page_say_number(struct bytes *out, enum language language, enum page_text text, uint64_t count) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    page_say_with(out, language, text, &(struct phrase_value){"count", {digits, (size_t)len}}, 1);
}

/* --- language --- */

const char *page_language_word(enum language language) { return words[language]; }

bool page_language_of_path(struct span path, enum language *language, struct span *rest) {
    for (unsigned i = 0; i < LANGUAGE_COUNT; i++)
        if (path.len >= 4 && path.ptr[0] == '/' && path.ptr[3] == '/' && memcmp(path.ptr + 1, words[i], 2) == 0)
            return *language = (enum language)i, *rest = span_after(path, 3), true;
    return false;
}

/* A browser lists "fr-CA, fr;q=0.8, en;q=0.5": a language's best entry counts, with or without a territory. */
static int quality_of(struct span list, const char *word) {
    static const char *const territories[] = {"", "-FR", "-CA", "-BE", "-CH", "-LU", "-US", "-GB"};
    int best = NEGOTIATE_NOT_NAMED;
    for (size_t i = 0; i < sizeof territories / sizeof *territories; i++) {
        char name[8];
        snprintf(name, sizeof name, "%s%s", word, territories[i]);
        int quality = negotiate_quality(list, name);
        if (quality > best) best = quality;
    }
    return best;
}

enum language page_language_wanted(const struct http_request *request) {
    struct span list = http_request_field(request, "Accept-Language");
    int french = quality_of(list, "fr");
    return french > 0 && french > quality_of(list, "en") ? LANGUAGE_FR : LANGUAGE_EN;
}

void page_redirect(const struct http_request *request, struct http_reply *reply, struct span query) {
    struct bytes to = bytes_with_cap(2048);
    bytes_append_format(&to, "/%s", words[page_language_wanted(request)]);
    bytes_append(&to, request->path);
    if (query.len > 0) bytes_append_char(&to, '?'), bytes_append(&to, query);
    bytes_append_char(&to, '\0');
    reply->status = 302;
    reply->vary = "Accept-Language";
    reply->body.failed |= to.failed;
    free(reply->location);
    reply->location = to.failed ? NULL : to.ptr;
    if (to.failed) bytes_release(&to);
}

/* --- frame --- */

#define POLICY "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
static const char policy[] = POLICY, policy_with_script[] = POLICY "; script-src 'self'; connect-src 'self'";

static void write_address(struct bytes *out, enum language language, const struct page *page) {
    bytes_append_format(out, "/%s", words[language]);
    html_text(out, language != page->language && page->other_rest.len > 0 ? page->other_rest : page->rest);
    if (page->query.len > 0) bytes_append_char(out, '?'), html_text(out, page->query);
}

static void write_head(struct bytes *out, const struct page *page) {
    bytes_append_format(out, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<title>", words[page->language]);
    if (page->subject.len > 0) html_text(out, page->subject), bytes_append_text(out, " – ");
    page_say(out, page->language, page->title);
    bytes_append_format(out,
                        " – sceau</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                        "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"stylesheet\" href=\"%s\">\n"
                        "<link rel=\"icon\" type=\"image/svg+xml\" href=\"%s\">\n",
                        asset_path("style.css"), asset_path("icon.svg"));
    for (unsigned i = 0; i < LANGUAGE_COUNT; i++) {
        bytes_append_format(out, "<link rel=\"alternate\" hreflang=\"%s\" href=\"", words[i]);
        write_address(out, (enum language)i, page);
        bytes_append_text(out, "\">\n");
    }
    if (page->refresh_s > 0) bytes_append_format(out, "<meta http-equiv=\"refresh\" content=\"%u\">\n", page->refresh_s);
    if (page->without_script != NULL)
        bytes_append_format(out, "<noscript><meta http-equiv=\"refresh\" content=\"0;url=%s\"></noscript>\n", page->without_script);
    if (page->has_script) bytes_append_format(out, "<script src=\"%s\" defer></script>\n", asset_path("live.js"));
    bytes_append_text(out, "</head>\n");
}

static void write_menu(struct bytes *out, const struct page *page) {
    bytes_append_text(out, "<nav aria-label=\"");
    page_say(out, page->language, PAGE_MENU);
    bytes_append_format(out, "\"><ul class=\"choice\"><li><a href=\"/%s/%s\">", words[page->language],
                        page->language == LANGUAGE_FR ? "aide" : "help");
    page_say(out, page->language, PAGE_HELP);
    bytes_append_text(out, "</a></li>");
    for (unsigned i = 0; i < LANGUAGE_COUNT; i++) {
        bytes_append_format(out, "<li><a lang=\"%s\" hreflang=\"%s\" href=\"", words[i], words[i]);
        write_address(out, (enum language)i, page);
        bytes_append_format(out, "\"%s>%s</a></li>", i == page->language ? " aria-current=\"true\"" : "", names[i]);
    }
    bytes_append_text(out, "</ul></nav>\n");
}

void page_begin(struct http_reply *reply, const struct page *page) {
    struct bytes *out = &reply->body;
    reply->content_type = "text/html; charset=utf-8";
    reply->content_policy = page->has_script ? policy_with_script : policy;
    reply->language = words[page->language];
    reply->is_unlisted = page->is_private;
    write_head(out, page);
    bytes_append_text(out, "<body>\n<a class=\"skip\" href=\"#main\">");
    page_say(out, page->language, PAGE_SKIP);
    bytes_append_format(out, "</a>\n<header><p class=\"name\"><a href=\"/\">sceau</a></p>\n");
    write_menu(out, page);
    bytes_append_text(out, "</header>\n<main id=\"main\">\n");
}

void page_end(struct http_reply *reply, const struct http_request *request) {
    bytes_append_text(&reply->body, "</main>\n<footer><p>sceau ");
    html_text(&reply->body, span_of(request->sources->build.version));
    bytes_append_text(&reply->body, "</p></footer>\n</body>\n</html>\n");
}

void page_problem(const struct http_request *request, struct http_reply *reply, const struct page *page, unsigned status,
                  enum page_text text, const struct phrase_value *values, size_t count) {
    reply->status = status;
    page_begin(reply, page);
    bytes_append_text(&reply->body, "<h1>");
    page_say(&reply->body, page->language, page->title);
    bytes_append_text(&reply->body, "</h1>\n<p>");
    page_say_with(&reply->body, page->language, text, values, count);
    bytes_append_format(&reply->body, "</p>\n<p><a href=\"/%s/stats\">", words[page->language]);
    page_say(&reply->body, page->language, PAGE_BACK);
    bytes_append_text(&reply->body, "</a></p>\n");
    page_end(reply, request);
}
