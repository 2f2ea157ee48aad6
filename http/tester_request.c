#include "http/tester_request.h"
#include <stdlib.h>

enum { SLACK = 256 * 1024 }; /* for what stands beside a message */

/* Octets of text with its line ends made CRLF. */
static size_t wire_len(struct span text) {
    size_t len = text.len;
    for (size_t i = span_find(text, '\n'); i < text.len; i += 1 + span_find(span_after(text, i + 1), '\n'))
        len += i == 0 || text.ptr[i - 1] != '\r';
    return len;
}

static bool has_crlf(struct span text) {
    for (size_t i = span_find(text, '\n'); i < text.len; i += 1 + span_find(span_after(text, i + 1), '\n'))
        if (i > 0 && text.ptr[i - 1] == '\r') return true;
    return false;
}

static struct span copy_wired(struct arena *arena, struct span text) {
    size_t len = wire_len(text);
    char *to = arena_alloc(arena, len > 0 ? len : 1), *at = to;
    if (to == NULL) return (struct span){NULL, 0};
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n' && (i == 0 || text.ptr[i - 1] != '\r')) *at++ = '\r';
        *at++ = text.ptr[i];
    }
    return (struct span){to, len};
}

/* "From someone Thu Jan  1 ..." is a mailbox's, not the message's. */
static struct span without_mbox_line(struct span text) {
    if (text.len < 5 || memcmp(text.ptr, "From ", 5) != 0) return text;
    size_t line = span_find(text, '\n');
    return span_after(text, line < text.len ? line + 1 : text.len);
}

static struct tester_request *create(size_t octets) {
    struct tester_request *request = calloc(1, sizeof *request);
    if (request == NULL) return NULL;
    request->octets = octets + sizeof *request;
    request->arena = arena_create(octets + SLACK);
    if (request->arena != NULL) return request;
    free(request);
    return NULL;
}

void tester_request_destroy(struct tester_request *request) {
    if (request == NULL) return;
    arena_destroy(request->arena);
    free(request);
}

/* False: no memory. */
static bool copy(struct arena *arena, struct span *span) {
    size_t len = span->len;
    *span = arena_copy(arena, *span);
    return span->len == len;
}

static struct tester_request *whole(struct tester_request *request, bool is_whole) {
    if (is_whole) return request;
    tester_request_destroy(request);
    return NULL;
}

struct tester_request *tester_request_of_message(const struct tester_message *message) {
    struct span text = message->has_envelope ? message->octets : without_mbox_line(message->octets);
    bool is_wired = message->has_envelope || (!message->is_pasted && has_crlf(text));
    struct tester_request *request = create(is_wired ? text.len : wire_len(text));
    if (request == NULL) return NULL;
    request->has_message = true;
    request->message = *message;
    request->message.octets = is_wired ? arena_copy(request->arena, text) : copy_wired(request->arena, text);
    bool is_whole = text.len == 0 || request->message.octets.len > 0;
    is_whole = copy(request->arena, &request->message.helo) && is_whole;
    is_whole = copy(request->arena, &request->message.mail_from) && is_whole;
    is_whole = copy(request->arena, &request->message.client) && is_whole;
    return whole(request, is_whole);
}

struct tester_request *tester_request_of_question(const struct tester_question *question) {
    struct tester_request *request = create(question->provider_answer.len + question->record.len);
    if (request == NULL) return NULL;
    struct tester_question *own = &request->question;
    *own = *question;
    bool is_whole = copy(request->arena, &own->domain);
    is_whole = copy(request->arena, &own->provider_answer) && is_whole;
    is_whole = copy(request->arena, &own->record) && is_whole;
    for (size_t i = 0; i < own->selector_count; i++) {
        is_whole = copy(request->arena, &own->selector[i]) && is_whole;
        is_whole = copy(request->arena, &own->expected_cname[i]) && is_whole;
    }
    return whole(request, is_whole);
}
