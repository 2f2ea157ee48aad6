#include "http/exchange.h"
#include <stdlib.h>
#include "base/ascii.h"
#include "http/api.h"
#include "http/event_stream.h"

struct span http_request_field(const struct http_request *request, const char *name) {
    struct span value = {0};
    return request->find(request->connection, HTTP_PART_FIELD, name, &value) ? value : (struct span){0};
}

bool http_request_query(const struct http_request *request, const char *name, struct span *value) {
    return request->find(request->connection, HTTP_PART_QUERY, name, value);
}

struct http_reply http_reply_make(void) {
    return (struct http_reply){.status = 200, .content_type = "text/plain; charset=utf-8", .body = bytes_with_cap(HTTP_REPLY_MAX)};
}

void http_reply_release(struct http_reply *reply) {
    bytes_release(&reply->body);
    free(reply->location);
    event_stream_release(reply->stream);
    reply->location = NULL;
    reply->stream = NULL;
}

/* RFC 9110 15, RFC 6585. */
static const char *title(unsigned status) {
    switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 429: return "Too Many Requests";
    case 503: return "Service Unavailable";
    default: return "Internal Server Error";
    }
}

void http_reply_problem(struct http_reply *reply, unsigned status, const char *detail) {
    http_reply_problem_at(reply, status, detail, NULL);
}

void http_reply_problem_at(struct http_reply *reply, unsigned status, const char *detail, const char *where) {
    event_stream_release(reply->stream);
    reply->stream = NULL;
    bytes_clear(&reply->body);
    reply->status = status;
    reply->content_type = "application/problem+json";
    api_write_problem(status, title(status), detail, where, &reply->body); /* a failure shows in body.failed */
}

bool http_count_parse(struct span text, uint64_t most, uint64_t *count) {
    *count = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i])) return false;
        *count = *count * 10 + (uint64_t)(text.ptr[i] - '0');
        if (*count > most) return false;
    }
    return *count >= 1;
}
