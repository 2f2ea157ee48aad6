/* http/page.h -- what all pages for people share: their texts in French and English, the frame around them, and the
 * language they are asked in. A page's path begins with its language, /fr/ or /en/; without it the browser's wish decides,
 * once, by a redirect: no cookie. Pages are whole without script.
 * Texts stand in page_texts.def, both languages in one row. Appends to the reply's body; no I/O, clock or lock. */
#pragma once
#include "http/exchange.h"
#include "http/html.h"
#include "verifier/result.h"

#define PAGE_TEXT(id, en, fr) id,
enum page_text {
#include "http/page_texts.def"
    PAGE_TEXT_COUNT
};
#undef PAGE_TEXT

enum page_text page_text_of_cause(enum cause cause);         /* not of CAUSE_NONE */
enum page_text page_text_of_dnssec(enum dnssec_state state);

/* The text, escaped, its places filled. */
void page_say(struct bytes *out, enum language language, enum page_text text);
void page_say_with(struct bytes *out, enum language language, enum page_text text, const struct phrase_value *values, size_t count);

/* The same of one with the place {count}. */
void page_say_number(struct bytes *out, enum language language, enum page_text text, uint64_t count);
/* The same of a sentence of another table. */
void page_say_phrase(struct bytes *out, enum language language, const struct phrase *phrase, const struct phrase_value *values,
                     size_t count);

/* The language that path begins with; *rest is the path from the slash behind it. False: it begins with none. */
bool page_language_of_path(struct span path, enum language *language, struct span *rest);
const char *page_language_word(enum language language); /* "fr" */
/* What the browser asks for (Accept-Language); English when it says nothing that we have. */
enum language page_language_wanted(const struct http_request *request);

struct page {
    enum language language;
    enum page_text title;
    struct span subject;  /* before the title in the browser's tab; may be empty */
    struct span rest;     /* path behind the language, "/stats": for the other language's link */
    struct span other_rest; /* the same in the other language, where it differs; may be empty */
    struct span query;    /* "window=1h", escaped for an address, for the same; may be empty */
    unsigned refresh_s;   /* the browser loads the page again after so long; 0: never */
    bool has_script;      /* live.js may run, and talk with this server */
    const char *without_script; /* where browsers without script go on at once, "?live"; NULL: nowhere */
    bool is_private;      /* search engines shall not keep it */
};
/* From the doctype to the opened main element, and the reply's header fields. */
void page_begin(struct http_reply *reply, const struct page *page);
void page_end(struct http_reply *reply, const struct http_request *request);
/* A page of its own that says what is wrong. values fill text. */
void page_problem(const struct http_request *request, struct http_reply *reply, const struct page *page, unsigned status,
                  enum page_text text, const struct phrase_value *values, size_t count);
/* Sends the browser to the same page in the language it wants; query may be empty. */
void page_redirect(const struct http_request *request, struct http_reply *reply, struct span query);
