/* Any octets of a server: the same replies whatever the cuts; what is passed on is a reply again, with the same code
 * and text, printable and short. The first octet chooses the cuts. */
#include <stdint.h>
#include <stdlib.h>
#include "base/ascii.h"
#include "proxy/smtp_capabilities.h"
#include "proxy/smtp_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static void require_clean(struct span wire) {
    for (size_t len; wire.len > 0; wire = span_after(wire, len)) {
        len = span_find(wire, '\n') + 1;
        REQUIRE(len <= wire.len && len >= 6 && len <= SMTP_REPLY_LINE_MAX + 2 && wire.ptr[len - 2] == '\r');
        for (size_t i = 0; i + 2 < len; i++) REQUIRE(wire.ptr[i] == ' ' || ascii_is_graph(wire.ptr[i]));
    }
}

static void look_at(const struct smtp_reply *reply, struct bytes *log) {
    struct bytes wire = bytes_with_cap(1 << 20);
    struct smtp_reply again;
    struct smtp_capabilities capabilities;
    size_t taken;
    smtp_reply_write(&wire, reply);
    require_clean(bytes_span(&wire));
    smtp_reply_init(&again);
    REQUIRE(smtp_reply_update(&again, bytes_span(&wire), &taken) == SMTP_REPLY_COMPLETE && taken == wire.len);
    REQUIRE(again.code == reply->code && again.line_count == reply->line_count);
    REQUIRE(again.has_enhanced == reply->has_enhanced);
    REQUIRE(span_equal(bytes_span(&again.text), bytes_span(&reply->text)));
    smtp_capabilities_read(reply, &capabilities);
    bytes_append(log, bytes_span(&wire));
    smtp_reply_release(&again);
    bytes_release(&wire);
}

static void feed(struct span stream, unsigned step, struct bytes *log) {
    struct smtp_reply reply;
    enum smtp_reply_status status = SMTP_REPLY_MORE;
    unsigned turn = step;
    smtp_reply_init(&reply);
    for (size_t at = 0; at < stream.len && (status == SMTP_REPLY_MORE || status == SMTP_REPLY_COMPLETE);) {
        struct span part = span_after(stream, at);
        size_t taken;
        turn = turn * 5 + 1;
        if (step > 0 && part.len > 1 + turn % step) part.len = 1 + turn % step;
        status = smtp_reply_update(&reply, part, &taken);
        REQUIRE(taken <= part.len && taken > 0);
        at += taken;
        if (status != SMTP_REPLY_COMPLETE) continue;
        look_at(&reply, log);
        smtp_reply_clear(&reply);
    }
    bytes_append_uint(log, status == SMTP_REPLY_COMPLETE ? SMTP_REPLY_MORE : status);
    smtp_reply_release(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct span stream = {(const char *)data + 1, size - 1};
    struct bytes whole = bytes_with_cap(1 << 24), parts = bytes_with_cap(1 << 24);
    feed(stream, 0, &whole);
    feed(stream, 1 + data[0], &parts);
    REQUIRE(span_equal(bytes_span(&whole), bytes_span(&parts)));
    bytes_release(&whole);
    bytes_release(&parts);
    return 0;
}
