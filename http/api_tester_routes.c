/* The tester's part of the JSON API: questions read from paths, queries and bodies; what is said stands in
 * http/api_tester.c. */
#include "base/metrics.h"
#include "http/api_tester.h"
#include "http/event_stream.h"
#include "http/site.h"
#include "verifier/record_paste.h"

enum { REPORT_PENDING_MAX = 4 << 20, EVENT_ID_MAX = 1000000000 };

/* NULL: *reply is the problem. */
static struct tester *desk_of(const struct http_request *request, struct http_reply *reply) {
    if (request->sources->tester == NULL) http_reply_problem(reply, 404, "the tester is switched off here");
    reply->is_unlisted = true;
    return request->sources->tester;
}

static struct tester_client client_of(const struct http_request *request) { return (struct tester_client){request->client}; }

/* True: status is TESTER_OK; else *reply is the problem. */
static bool accept(struct http_reply *reply, enum tester_status status, unsigned retry_after_s, const char *where) {
    static const unsigned codes[] = {[TESTER_OK] = 200,        [TESTER_UNKNOWN] = 404,      [TESTER_EXPIRED] = 404,
                                     [TESTER_TOO_MANY] = 429,  [TESTER_TOO_LARGE] = 413,    [TESTER_BAD_QUESTION] = 400,
                                     [TESTER_NO_MEMORY] = 503};
    if (status == TESTER_OK) return true;
    reply->retry_after_s = status == TESTER_TOO_MANY || status == TESTER_NO_MEMORY ? retry_after_s : 0;
    http_reply_problem_at(reply, codes[status], tester_status_text(status), where);
    return false;
}

/* ---- answers that are made in the tester's thread ---- */

/* A stream for the reply. NULL: no memory, *reply says so. */
static struct event_stream *begin_stream(struct http_reply *reply, const char *content_type, size_t pending_max) {
    reply->stream = event_stream_create_for(pending_max);
    if (reply->stream == NULL) http_reply_problem(reply, 503, "out of memory");
    reply->content_type = content_type;
    return reply->stream;
}

/* What this text's media type is; empty: none was named. */
static struct span media_type(const struct http_request *request) {
    struct span type = http_request_field(request, "Content-Type");
    return span_trim(span_first(type, span_find(type, ';')));
}

static bool takes_type(const struct http_request *request, struct http_reply *reply) {
    static const char *const types[] = {"", "message/rfc822", "message/global", "text/plain", "text/rfc822-headers",
                                        "application/octet-stream"};
    struct span type = media_type(request);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (span_is_nocase(type, types[i])) return true;
    http_reply_problem_at(reply, 415, "a message is message/rfc822 or text/plain", "Content-Type");
    return false;
}

static bool read_part(const struct http_request *request, struct http_reply *reply, bool *is_header_alone) {
    struct span word;
    *is_header_alone = false;
    if (!http_request_query(request, "part", &word) || span_is(word, "whole")) return true;
    *is_header_alone = span_is(word, "headers");
    if (!*is_header_alone) http_reply_problem_at(reply, 400, "part is whole or headers", "query parameter part");
    return *is_header_alone;
}

static void answer_verify(const struct http_request *request, struct http_reply *reply) {
    struct tester *desk = desk_of(request, reply);
    struct tester_message message = {.octets = request->body};
    unsigned retry_after_s;
    if (desk == NULL || !takes_type(request, reply) || !read_part(request, reply, &message.is_header_alone)) return;
    if (request->body.len == 0) {
        http_reply_problem_at(reply, 400, "there is no message", "body");
        return;
    }
    struct event_stream *stream = begin_stream(reply, "application/json", REPORT_PENDING_MAX);
    if (stream == NULL) return;
    const struct tester_answer answer = {.write = api_write_report, .stream = stream};
    enum tester_status status = tester_verify(desk, TESTER_BY_API, client_of(request), &message, &answer, &retry_after_s);
    (void)accept(reply, status, retry_after_s, NULL);
}

static void ask(const struct http_request *request, struct http_reply *reply, struct tester *desk,
                const struct tester_question *question) {
    unsigned retry_after_s;
    struct event_stream *stream = begin_stream(reply, "application/json", REPORT_PENDING_MAX);
    if (stream == NULL) return;
    const struct tester_answer answer = {.write = api_write_records, .stream = stream};
    enum tester_status status = tester_ask(desk, TESTER_BY_API, client_of(request), question, &answer, &retry_after_s);
    (void)accept(reply, status, retry_after_s, "path or query");
}

static void answer_selector(const struct http_request *request, struct http_reply *reply) {
    struct tester *desk = desk_of(request, reply);
    struct tester_question question = {.domain = request->parameter[0], .selector_count = 1, .selector = {request->parameter[1]}};
    if (desk == NULL) return;
    (void)http_request_query(request, "expect", &question.expected_cname[0]);
    ask(request, reply, desk, &question);
}

/* "a,b". False: there are too many. */
static bool read_selectors(struct span words, struct tester_question *question) {
    for (question->selector_count = 0; words.len > 0; question->selector_count++) {
        size_t comma = span_find(words, ',');
        if (question->selector_count == TESTER_SELECTORS_MAX) return false;
        question->selector[question->selector_count] = span_first(words, comma);
        words = span_after(words, comma < words.len ? comma + 1 : comma);
    }
    return true;
}

static void answer_selectors(const struct http_request *request, struct http_reply *reply) {
    struct tester *desk = desk_of(request, reply);
    struct tester_question question = {.domain = request->parameter[0]};
    struct span words = {NULL, 0};
    if (desk == NULL) return;
    (void)http_request_query(request, "selectors", &words);
    if (read_selectors(words, &question))
        ask(request, reply, desk, &question);
    else
        http_reply_problem_at(reply, 400, "selectors is up to eight names with commas", "query parameter selectors");
}

/* No DNS: this is answered at once. */
static void answer_record(const struct http_request *request, struct http_reply *reply) {
    if (desk_of(request, reply) == NULL) return;
    if (request->body.len == 0) {
        http_reply_problem_at(reply, 400, "there is no record", "body");
        return;
    }
    reply->content_type = "application/json";
    api_write_judged_record(request->body, &reply->body);
}

/* ---- tests ---- */

static void answer_open(const struct http_request *request, struct http_reply *reply) {
    struct tester *desk = desk_of(request, reply);
    struct tester_ticket ticket;
    if (desk == NULL) return;
    if (tester_facts(desk)->domain[0] == '\0') {
        http_reply_problem(reply, 404, "tests by mail are switched off here");
        return;
    }
    enum tester_status status = tester_open(desk, TESTER_BY_MAIL, client_of(request), NULL, &ticket);
    if (!accept(reply, status, ticket.retry_after_s, NULL)) return;
    reply->status = 201;
    reply->content_type = "application/json";
    api_write_ticket(tester_facts(desk), &ticket, &reply->body);
}

static void write_view(struct tester *desk, struct http_reply *reply, struct tester_view *view) {
    reply->content_type = "application/json";
    api_write_test(tester_facts(desk), view, &reply->body);
    tester_view_release(view);
}

static void answer_test(const struct http_request *request, struct http_reply *reply) {
    struct tester *desk = desk_of(request, reply);
    struct tester_view view;
    if (desk != NULL && accept(reply, tester_find(desk, request->parameter[0], &view), 1, "path parameter token"))
        write_view(desk, reply, &view);
}

static void answer_shared(const struct http_request *request, struct http_reply *reply) {
    struct tester *desk = desk_of(request, reply);
    struct tester_view view;
    if (desk != NULL && accept(reply, tester_find_shared(desk, request->parameter[0], &view), 1, "path parameter share"))
        write_view(desk, reply, &view);
}

static void answer_delete(const struct http_request *request, struct http_reply *reply) {
    struct tester *desk = desk_of(request, reply);
    if (desk != NULL && accept(reply, tester_delete(desk, request->parameter[0]), 1, "path parameter token")) reply->status = 204;
}

static void answer_share(const struct http_request *request, struct http_reply *reply) {
    struct tester *desk = desk_of(request, reply);
    char share[TESTER_TOKEN_LENGTH + 1];
    if (desk == NULL || !accept(reply, tester_share(desk, request->parameter[0], share), 1, "path parameter token")) return;
    reply->content_type = "application/json";
    api_write_share(tester_facts(desk), share, &reply->body);
}

static void answer_events(const struct http_request *request, struct http_reply *reply) {
    struct tester *desk = desk_of(request, reply);
    uint64_t after = 0;
    if (desk == NULL) return;
    if (!http_count_parse(http_request_field(request, "Last-Event-ID"), EVENT_ID_MAX, &after)) after = 0;
    struct event_stream *stream = begin_stream(reply, "text/event-stream", EVENT_STREAM_PENDING_MAX);
    if (stream == NULL) return;
    (void)accept(reply, tester_watch(desk, request->parameter[0], client_of(request), after, &tester_events_json, stream), 10,
                 "path parameter token");
}

static const struct http_route routes[] = {
    {HTTP_POST, "/api/v1/verify", METRIC_HTTP_PATH_API, HTTP_TESTER, HTTP_FOR_ALL, TESTER_UPLOAD_MAX, answer_verify,
     "POST a message, JSON of what is to be said about it; ?part=headers: header fields alone"},
    {HTTP_POST, "/api/v1/tests", METRIC_HTTP_PATH_API, HTTP_TESTER, HTTP_FOR_ALL, 0, answer_open,
     "POST to open a test by mail, JSON with its address"},
    {HTTP_GET, "/api/v1/tests/{token}", METRIC_HTTP_PATH_API, HTTP_TESTER, HTTP_FOR_ALL, 0, answer_test,
     "one test with its reports, JSON; DELETE forgets it"},
    {HTTP_DELETE, "/api/v1/tests/{token}", METRIC_HTTP_PATH_API, HTTP_TESTER, HTTP_FOR_ALL, 0, answer_delete, NULL},
    {HTTP_GET, "/api/v1/tests/{token}/events", METRIC_HTTP_PATH_API, HTTP_TESTER, HTTP_FOR_ALL, 0, answer_events,
     "what happens to it, live, server-sent events"},
    {HTTP_POST, "/api/v1/tests/{token}/share", METRIC_HTTP_PATH_API, HTTP_TESTER, HTTP_FOR_ALL, 0, answer_share,
     "POST for a link that shows it with addresses masked, JSON"},
    {HTTP_GET, "/api/v1/shared/{share}", METRIC_HTTP_PATH_API, HTTP_TESTER, HTTP_FOR_ALL, 0, answer_shared,
     "a test by such a link, JSON"},
    {HTTP_GET, "/api/v1/dkim/{domain}/{selector}", METRIC_HTTP_PATH_API, HTTP_TESTER, HTTP_FOR_ALL, 0, answer_selector,
     "a key record checked for its owner, with SPF and DMARC, JSON; ?expect="},
    {HTTP_GET, "/api/v1/dkim/{domain}", METRIC_HTTP_PATH_API, HTTP_TESTER, HTTP_FOR_ALL, 0, answer_selectors,
     "several of them, two as a pair, or SPF and DMARC alone, JSON; ?selectors=a,b"},
    {HTTP_POST, "/api/v1/record", METRIC_HTTP_PATH_API, HTTP_TESTER, HTTP_FOR_ALL, RECORD_PASTE_MAX, answer_record,
     "POST the text of a key record, JSON of what is to be said about it"},
};
const struct http_route_table api_tester_routes = {routes, sizeof routes / sizeof *routes};
