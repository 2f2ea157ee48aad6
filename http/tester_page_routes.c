/* The tester's pages: forms and addresses read, the desk asked. Someone without a language in the path is sent to the
 * one the browser wants; what changes something is a POST. */
#include <stdlib.h>
#include <string.h>
#include "base/ascii.h"
#include "base/metrics.h"
#include "http/event_stream.h"
#include "http/form_data.h"
#include "http/site.h"
#include "http/tester_live.h"
#include "http/tester_page.h"

enum {
    MESSAGE_FORM_MAX = TESTER_UPLOAD_MAX + 64 * 1024,
    DOMAIN_FORM_MAX = 256 * 1024,
    DOMAIN_STREAM_MAX = 512 * 1024,
    ADDRESS_MAX = 2048,
};

static enum language language_of(const struct http_request *request) {
    enum language language = LANGUAGE_EN;
    struct span rest;
    (void)page_language_of_path(request->path, &language, &rest);
    return language;
}

/* --- what goes wrong --- */

static void refuse(const struct http_request *request, struct http_reply *reply, unsigned status, enum page_text text) {
    tester_problem_page_write(request, reply, language_of(request), status, text);
}

static void refuse_for(const struct http_request *request, struct http_reply *reply, enum tester_status status,
                       unsigned retry_after_s) {
    static const struct {
        unsigned status;
        enum page_text text;
    } answers[] = {
        [TESTER_UNKNOWN] = {404, PROBLEM_UNKNOWN},       [TESTER_EXPIRED] = {410, PROBLEM_EXPIRED},
        [TESTER_TOO_MANY] = {429, PROBLEM_TOO_MANY},     [TESTER_TOO_LARGE] = {413, PROBLEM_TOO_LARGE},
        [TESTER_BAD_QUESTION] = {400, PROBLEM_BAD_NAME}, [TESTER_NO_MEMORY] = {503, PROBLEM_MEMORY},
    };
    if (status == TESTER_TOO_MANY) reply->retry_after_s = retry_after_s > 0 ? retry_after_s : 1;
    refuse(request, reply, answers[status].status, answers[status].text);
}

/* The desk, for a page; NULL: *reply says why not. */
static struct tester *desk_of(const struct http_request *request, struct http_reply *reply) {
    struct tester *tester = request->sources->tester;
    if (tester == NULL) http_reply_problem(reply, 404, "the tester is switched off");
    return tester;
}

static struct tester_client client_of(const struct http_request *request) {
    return (struct tester_client){request->client};
}

/* --- addresses --- */

/* 303: the browser asks for the address with GET. Takes to. */
static void send_to(struct http_reply *reply, struct bytes *to) {
    bytes_append_char(to, '\0');
    reply->status = 303;
    reply->body.failed |= to->failed;
    free(reply->location);
    reply->location = to->failed ? NULL : to->ptr;
    if (to->failed) bytes_release(to);
}

static void send_to_test(const struct http_request *request, struct http_reply *reply, struct span token) {
    struct bytes to = bytes_with_cap(ADDRESS_MAX);
    bytes_append_format(&to, "/%s/t/", page_language_word(language_of(request)));
    bytes_append(&to, token);
    send_to(reply, &to);
}

static void answer_without_language(const struct http_request *request, struct http_reply *reply) {
    struct span selectors = {0};
    struct bytes query = bytes_with_cap(ADDRESS_MAX);
    if (http_request_query(request, "selectors", &selectors)) {
        bytes_append_text(&query, "selectors=");
        for (size_t i = 0; i < selectors.len; i++) {
            bool is_plain = ascii_is_alnum(selectors.ptr[i]) ||
                            (selectors.ptr[i] != '\0' && strchr("-._", selectors.ptr[i]) != NULL);
            bytes_append_char(&query, is_plain ? selectors.ptr[i] : '+');
        }
    }
    page_redirect(request, reply, bytes_span(&query));
    bytes_release(&query);
}

/* --- front --- */

static void answer_front(const struct http_request *request, struct http_reply *reply) {
    struct tester *tester = desk_of(request, reply);
    struct span ignored;
    if (tester == NULL) return;
    tester_front_page_write(request, reply, language_of(request), tester_facts(tester),
                            http_request_query(request, "deleted", &ignored));
}

/* --- tests --- */

static void open_test(const struct http_request *request, struct http_reply *reply, struct tester *tester,
                      enum tester_source source, const struct tester_message *message) {
    struct tester_ticket ticket;
    enum tester_status status = tester_open(tester, source, client_of(request), message, &ticket);
    if (status == TESTER_OK)
        send_to_test(request, reply, span_of(ticket.token));
    else
        refuse_for(request, reply, status, ticket.retry_after_s);
}

static void answer_new_address(const struct http_request *request, struct http_reply *reply) {
    struct tester *tester = desk_of(request, reply);
    if (tester == NULL) return;
    if (tester_facts(tester)->domain[0] == '\0') return refuse(request, reply, 404, PROBLEM_UNKNOWN);
    open_test(request, reply, tester, TESTER_BY_MAIL, NULL);
}

/* Where the first empty line begins; text.len: there is none. */
static size_t find_empty_line(struct span text) {
    for (size_t at = 0; at < text.len;) {
        struct span rest = span_after(text, at);
        if (rest.ptr[0] == '\n' || (rest.len > 1 && rest.ptr[0] == '\r' && rest.ptr[1] == '\n')) return at;
        size_t line = span_find(rest, '\n');
        at += line < rest.len ? line + 1 : line;
    }
    return text.len;
}

/* What the form holds: a file when one was chosen, else the text. False: neither. */
static bool take_message(const struct form_data *form, struct tester_message *message) {
    const struct form_field *file = form_data_find(form, "file");
    bool is_file = file != NULL && file->value.len > 0;
    struct span text = is_file ? file->value : form_data_value(form, "text");
    while (text.len > 0 && (text.ptr[0] == '\r' || text.ptr[0] == '\n')) text = span_after(text, 1);
    size_t empty = find_empty_line(text);
    /* Empty lines at the end of a paste are no body: they come with the copying. */
    bool has_body = is_file ? empty < text.len : span_trim(span_after(text, empty)).len > 0;
    *message = (struct tester_message){.octets = text,
                                       .is_header_alone = !has_body,
                                       .is_pasted = !is_file,
                                       .is_to_be_kept = form_data_find(form, "keep") != NULL};
    return span_trim(text).len > 0;
}

static void answer_message(const struct http_request *request, struct http_reply *reply) {
    struct tester *tester = desk_of(request, reply);
    struct bytes room = bytes_with_cap(MESSAGE_FORM_MAX);
    struct form_data form;
    struct tester_message message;
    if (tester == NULL) return;
    enum form_data_status status =
        form_data_read(http_request_field(request, "Content-Type"), request->body, &room, &form);
    if (status != FORM_DATA_OK)
        refuse(request, reply, 400, PROBLEM_FORM);
    else if (!take_message(&form, &message))
        refuse(request, reply, 400, PROBLEM_EMPTY);
    else if (message.octets.len > (message.is_pasted ? TESTER_PASTE_MAX : TESTER_UPLOAD_MAX))
        refuse_for(request, reply, TESTER_TOO_LARGE, 0);
    else
        open_test(request, reply, tester, message.is_pasted ? TESTER_BY_PASTE : TESTER_BY_UPLOAD, &message);
    bytes_release(&room);
}

/* Makes the reply a stream that begins with what its body holds. False: no memory. */
static bool begin_stream(struct http_reply *reply, size_t pending_max) {
    struct event_stream *stream = reply->body.failed ? NULL : event_stream_create_for(pending_max);
    if (stream == NULL) return false;
    event_stream_write(stream, bytes_span(&reply->body));
    bytes_clear(&reply->body);
    reply->stream = stream;
    return true;
}

/* A stream that was begun in vain; the reply becomes another one. */
static void drop_stream(struct http_reply *reply) {
    event_stream_release(reply->stream);
    reply->stream = NULL;
    bytes_clear(&reply->body);
}

static void watch(const struct http_request *request, struct http_reply *reply, struct tester *tester, uint64_t after,
                  const struct tester_writer *writer) {
    if (!begin_stream(reply, TESTER_LIVE_PAGE_MAX)) {
        reply->body.failed = true;
        return;
    }
    enum tester_status status =
        tester_watch(tester, request->parameter[0], client_of(request), after, writer, reply->stream);
    if (status == TESTER_OK) return;
    drop_stream(reply);
    refuse_for(request, reply, status, 0);
}

static void answer_test(const struct http_request *request, struct http_reply *reply) {
    struct tester *tester = desk_of(request, reply);
    struct tester_view view;
    struct span ignored;
    if (tester == NULL) return;
    enum language language = language_of(request);
    enum tester_status status = tester_find(tester, request->parameter[0], &view);
    if (status != TESTER_OK) return refuse_for(request, reply, status, 0);
    if (view.report_count == 0 && http_request_query(request, "live", &ignored)) {
        tester_live_page_begin(reply, language, tester_facts(tester), &view);
        watch(request, reply, tester, 0, &tester_live_page[language]);
    } else {
        bool stays = http_request_query(request, "still", &ignored);
        tester_test_page_write(request, reply, language, tester_facts(tester), &view, !stays);
    }
    tester_view_release(&view);
}

static void answer_events(const struct http_request *request, struct http_reply *reply) {
    struct tester *tester = desk_of(request, reply);
    uint64_t after = 0;
    if (tester == NULL) return;
    if (!http_count_parse(http_request_field(request, "Last-Event-ID"), UINT32_MAX, &after)) after = 0;
    reply->content_type = "text/event-stream";
    watch(request, reply, tester, after, &tester_live_events[language_of(request)]);
}

static void answer_share(const struct http_request *request, struct http_reply *reply) {
    struct tester *tester = desk_of(request, reply);
    char share[TESTER_TOKEN_LENGTH + 1];
    if (tester == NULL) return;
    enum tester_status status = tester_share(tester, request->parameter[0], share);
    if (status == TESTER_OK)
        send_to_test(request, reply, request->parameter[0]);
    else
        refuse_for(request, reply, status, 0);
}

static void answer_delete(const struct http_request *request, struct http_reply *reply) {
    struct tester *tester = desk_of(request, reply);
    struct bytes to = bytes_with_cap(ADDRESS_MAX);
    if (tester == NULL) return;
    enum tester_status status = tester_delete(tester, request->parameter[0]);
    if (status != TESTER_OK) return refuse_for(request, reply, status, 0);
    bytes_append_format(&to, "/%s/?deleted", page_language_word(language_of(request)));
    send_to(reply, &to);
}

static void answer_shared(const struct http_request *request, struct http_reply *reply) {
    struct tester *tester = desk_of(request, reply);
    struct tester_view view;
    if (tester == NULL) return;
    enum tester_status status = tester_find_shared(tester, request->parameter[0], &view);
    if (status != TESTER_OK) return refuse_for(request, reply, status, 0);
    tester_shared_page_write(request, reply, language_of(request), request->parameter[0], &view);
    tester_view_release(&view);
}

/* --- domains --- */

/* The selectors named in text; of a whole name its first labels. False: too many. */
static bool take_selectors(struct span text, struct tester_question *question) {
    static const char separators[] = " \t\r\n,;+";
    while (text.len > 0) {
        size_t len = 0;
        while (len < text.len && memchr(separators, text.ptr[len], sizeof separators - 1) == NULL) len++;
        struct span word = span_first(text, len);
        text = span_after(text, len < text.len ? len + 1 : len);
        for (size_t dot = 0; dot + 11 < word.len; dot++)
            if (span_is_nocase((struct span){word.ptr + dot, 11}, "._domainkey")) word = span_first(word, dot);
        if (word.len == 0) continue;
        if (question->selector_count == TESTER_SELECTORS_MAX) return false;
        question->selector[question->selector_count++] = word;
    }
    return true;
}

/* How the same page can be asked for with GET: empty when something was pasted, or a name is no plain one. */
static void write_query(struct bytes *out, const struct tester_question *question) {
    bool is_plain = question->provider_answer.len == 0 && question->record.len == 0 && question->domain.len > 0;
    for (size_t i = 0; i < question->domain.len; i++)
        is_plain = is_plain && (ascii_is_alnum(question->domain.ptr[i]) || question->domain.ptr[i] == '-' ||
                                question->domain.ptr[i] == '.');
    bytes_append_text(out, "selectors=");
    for (size_t i = 0; i < question->selector_count && is_plain; i++) {
        struct span selector = question->selector[i];
        if (i > 0) bytes_append_char(out, '+');
        for (size_t j = 0; j < selector.len; j++)
            is_plain = is_plain && (ascii_is_alnum(selector.ptr[j]) ||
                                    (selector.ptr[j] != '\0' && strchr("-._", selector.ptr[j]) != NULL));
        bytes_append(out, selector);
        is_plain = is_plain && question->expected_cname[i].len == 0;
    }
    if (!is_plain) bytes_clear(out);
}

static void ask(const struct http_request *request, struct http_reply *reply, struct tester *tester,
                const struct tester_question *question, struct span query) {
    enum language language = language_of(request);
    unsigned retry_after_s = 0;
    tester_domain_page_begin(reply, language, question->domain, query);
    if (!begin_stream(reply, DOMAIN_STREAM_MAX)) {
        reply->body.failed = true;
        return;
    }
    const struct tester_answer answer = {
        .write = tester_domain_page_write, .language = language, .stream = reply->stream};
    enum tester_status status =
        tester_ask(tester, TESTER_BY_DOMAIN, client_of(request), question, &answer, &retry_after_s);
    if (status == TESTER_OK) return;
    drop_stream(reply);
    refuse_for(request, reply, status, retry_after_s);
}

static bool is_answerable(const struct tester_question *question) {
    return question->provider_answer.len > 0 || question->domain.len > 0;
}

static void answer_domain(const struct http_request *request, struct http_reply *reply) {
    struct tester *tester = desk_of(request, reply);
    struct tester_question question = {.domain = request->parameter[0]};
    struct bytes query = bytes_with_cap(ADDRESS_MAX);
    struct span selectors = {0};
    if (tester == NULL) return;
    (void)http_request_query(request, "selectors", &selectors);
    if (!take_selectors(selectors, &question) || !is_answerable(&question))
        return refuse(request, reply, 400, PROBLEM_BAD_NAME);
    write_query(&query, &question);
    ask(request, reply, tester, &question, bytes_span(&query));
    bytes_release(&query);
}

static void answer_filled(const struct http_request *request, struct http_reply *reply, struct tester *tester,
                          const struct form_data *form) {
    struct tester_question question = {.domain = span_trim(form_data_value(form, "domain")),
                                       .provider_answer = span_trim(form_data_value(form, "answer")),
                                       .record = span_trim(form_data_value(form, "record"))};
    struct bytes query = bytes_with_cap(ADDRESS_MAX);
    size_t at = span_find(question.domain, '@');
    if (at < question.domain.len) question.domain = span_after(question.domain, at + 1);
    if (!take_selectors(form_data_value(form, "selectors"), &question) || !is_answerable(&question))
        return refuse(request, reply, 400, PROBLEM_BAD_NAME);
    question.expected_cname[0] = span_trim(form_data_value(form, "target"));
    if (question.expected_cname[0].len > 0 && question.selector_count == 0 && question.provider_answer.len == 0)
        return refuse(request, reply, 400, PROBLEM_BAD_NAME); /* the target of what? */
    write_query(&query, &question);
    if (query.len > 0) {
        struct bytes to = bytes_with_cap(ADDRESS_MAX);
        bytes_append_format(&to, "/%s/d/", page_language_word(language_of(request)));
        bytes_append(&to, question.domain);
        bytes_append_char(&to, '?');
        bytes_append(&to, bytes_span(&query));
        send_to(reply, &to);
    } else {
        ask(request, reply, tester, &question, (struct span){0});
    }
    bytes_release(&query);
}

static void answer_domain_form(const struct http_request *request, struct http_reply *reply) {
    struct tester *tester = desk_of(request, reply);
    struct bytes room = bytes_with_cap(DOMAIN_FORM_MAX);
    struct form_data form;
    if (tester == NULL) return;
    if (form_data_read(http_request_field(request, "Content-Type"), request->body, &room, &form) == FORM_DATA_OK)
        answer_filled(request, reply, tester, &form);
    else
        refuse(request, reply, 400, PROBLEM_FORM);
    bytes_release(&room);
}

#define ROW(method, path, body_max, answer, about)                                                                     \
    { method, path, METRIC_HTTP_PATH_PAGE, HTTP_TESTER, HTTP_FOR_ALL, body_max, answer, about }
#define PAGE(path, answer) ROW(HTTP_GET, path, 0, answer, NULL)
#define FORM(path, body_max, answer) ROW(HTTP_POST, path, body_max, answer, NULL)
#define IN_LANGUAGE(language)                                                                                          \
    PAGE(language "/", answer_front), FORM(language "/t", 0, answer_new_address),                                      \
        FORM(language "/t/message", MESSAGE_FORM_MAX, answer_message), PAGE(language "/t/{token}", answer_test),       \
        PAGE(language "/t/{token}/events", answer_events), FORM(language "/t/{token}/share", 0, answer_share),         \
        FORM(language "/t/{token}/delete", 0, answer_delete), PAGE(language "/r/{share}", answer_shared),              \
        FORM(language "/d", DOMAIN_FORM_MAX, answer_domain_form), PAGE(language "/d/{domain}", answer_domain)
static const struct http_route routes[] = {
    PAGE("/t/{token}", answer_without_language),
    PAGE("/r/{share}", answer_without_language),
    ROW(HTTP_GET, "/d/{domain}", 0, answer_without_language,
        "SPF, DMARC and key records of a domain; ?selectors=, where the tester is on"),
    IN_LANGUAGE("/en"),
    IN_LANGUAGE("/fr"),
};
const struct http_route_table tester_page_routes = {routes, sizeof routes / sizeof *routes};
