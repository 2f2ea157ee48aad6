#include "http/response.h"
#include <stdio.h>
#include "http/compress.h"
#include "http/negotiate.h"

enum { COMPRESS_FROM = 1024 };
#define NO_CONTENT "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* RFC 9110 12.5.3: without a word for gzip, the wildcard decides. */
static bool accepts_gzip(struct span accepted) {
    int quality = negotiate_quality(accepted, "gzip");
    if (quality == NEGOTIATE_NOT_NAMED) quality = negotiate_quality(accepted, "*");
    return quality > 0;
}

/* Puts a compressed body in the place of the body; false when it stays as it is. */
static bool compress(struct http_reply *reply) {
    struct bytes small = bytes_with_cap(HTTP_REPLY_MAX);
    if (reply->stream != NULL || reply->body.len < COMPRESS_FROM || !compress_gzip(bytes_span(&reply->body), &small)) {
        bytes_release(&small);
        return false;
    }
    bytes_release(&reply->body);
    reply->body = small;
    return true;
}

static const char *allowed(unsigned methods, char out[32]) {
    static const struct { enum http_method method; const char *text; } words[] = {
        {HTTP_GET, "GET, HEAD"}, {HTTP_POST, "POST"}, {HTTP_DELETE, "DELETE"}};
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((methods & words[i].method) != 0) len += (size_t)snprintf(out + len, 32 - len, "%s%s", len > 0 ? ", " : "", words[i].text);
    return out;
}

static void add(struct response *response, const char *name, const char *value) {
    if (value != NULL) response->field[response->field_count++] = (struct response_field){name, value};
}

void response_prepare(struct http_reply *reply, struct span accept_encoding, struct response *response) {
    bool is_gzip = accepts_gzip(accept_encoding) && compress(reply);
    *response = (struct response){0};
    snprintf(response->retry_after, sizeof response->retry_after, "%u", reply->retry_after_s);
    snprintf(response->vary, sizeof response->vary, "%s%sAccept-Encoding", reply->vary != NULL ? reply->vary : "",
             reply->vary != NULL ? ", " : "");
    add(response, "Content-Type", reply->status != 204 ? reply->content_type : NULL);
    add(response, "Content-Encoding", is_gzip ? "gzip" : NULL);
    add(response, "Content-Language", reply->language);
    add(response, "Vary", response->vary);
    add(response, "Cache-Control", reply->cache_control != NULL ? reply->cache_control : "no-store");
    add(response, "Location", reply->location);
    add(response, "Retry-After", reply->retry_after_s > 0 ? response->retry_after : NULL);
    add(response, "WWW-Authenticate", reply->authenticate);
    add(response, "Allow", reply->status == 405 ? allowed(reply->methods, response->allow) : NULL);
    add(response, "X-Robots-Tag", reply->is_unlisted ? "noindex" : NULL);
    add(response, "X-Accel-Buffering", reply->stream != NULL ? "no" : NULL);
    add(response, "X-Content-Type-Options", "nosniff");
    add(response, "Referrer-Policy", "no-referrer");
    add(response, "Cross-Origin-Opener-Policy", "same-origin");
    add(response, "Cross-Origin-Resource-Policy", "same-origin");
    add(response, "Content-Security-Policy", reply->content_policy != NULL ? reply->content_policy : NO_CONTENT);
}
