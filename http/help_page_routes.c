/* The help, at /help and, for those who read French, /aide; both names lead to the language that the browser wants. */
#include <stdlib.h>
#include <string.h>
#include "base/metrics.h"
#include "http/help_page.h"
#include "http/site.h"

static void answer_french(const struct http_request *request, struct http_reply *reply) {
    help_page_write(request, reply, LANGUAGE_FR);
}

static void answer_english(const struct http_request *request, struct http_reply *reply) {
    help_page_write(request, reply, LANGUAGE_EN);
}

static void answer_without_language(const struct http_request *request, struct http_reply *reply) {
    struct http_request wanted = *request;
    wanted.path = help_page_path(page_language_wanted(request));
    page_redirect(&wanted, reply, (struct span){0});
}

#define PAGE(path, answer, about)                                                                                      \
    { HTTP_GET, path, METRIC_HTTP_PATH_PAGE, HTTP_PAGES | HTTP_TESTER, HTTP_FOR_ALL, 0, answer, about }
static const struct http_route routes[] = {
    PAGE("/help", answer_without_language, "what results mean, in English and French"),
    PAGE("/aide", answer_without_language, NULL),
    PAGE("/fr/aide", answer_french, NULL),
    PAGE("/en/help", answer_english, NULL),
};
const struct http_route_table help_page_routes = {routes, sizeof routes / sizeof *routes};
