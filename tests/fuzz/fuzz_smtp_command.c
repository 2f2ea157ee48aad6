/* Any stream of a client: line_reader gives the same lines whatever the cuts; what smtp_command accepts it accepts
 * again, with the same meaning, in the form in which we write it downstream. The first octet chooses the cuts. */
#include <stdint.h>
#include <stdlib.h>
#include "base/ascii.h"
#include "base/bytes.h"
#include "proxy/line_reader.h"
#include "proxy/smtp_command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do                                                                                                                 \
        if (!(condition)) abort();                                                                                     \
    while (0)

static void require_same_path(const struct smtp_command *command) {
    struct bytes line = bytes_with_cap(8192);
    struct smtp_command again;
    bytes_append_text(&line, command->verb == SMTP_MAIL ? "MAIL FROM:<" : "RCPT TO:<");
    bytes_append(&line, command->path);
    bytes_append_char(&line, '>');
    for (size_t i = 0; i < command->parameter_count; i++) {
        bytes_append_char(&line, ' ');
        bytes_append_text(&line, smtp_parameter_word(command->parameter[i].kind));
        if (command->parameter[i].has_value) bytes_append_char(&line, '=');
        bytes_append(&line, command->parameter[i].value);
    }
    for (size_t i = 0; i < line.len; i++) REQUIRE(!ascii_is_control(line.ptr[i]));
    REQUIRE(smtp_command_parse(bytes_span(&line), &again) == SMTP_COMMAND_OK);
    REQUIRE(span_equal(again.path, command->path) && span_equal(again.domain, command->domain));
    REQUIRE(again.parameter_count == command->parameter_count);
    bytes_release(&line);
}

static void look_at(struct span line) {
    struct smtp_command command;
    if (smtp_command_parse(line, &command) != SMTP_COMMAND_OK) return;
    REQUIRE(command.path.len <= SMTP_PATH_MAX && command.domain.len <= SMTP_DOMAIN_MAX);
    if (command.verb == SMTP_MAIL || command.verb == SMTP_RCPT) require_same_path(&command);
}

static void feed(struct span stream, unsigned step, struct bytes *log) {
    struct line_reader reader;
    line_reader_init(&reader, 200);
    unsigned turn = step;
    for (size_t at = 0; at < stream.len;) {
        struct span part = span_after(stream, at), line;
        size_t taken;
        turn = turn * 5 + 1;
        if (step > 0 && part.len > 1 + turn % step) part.len = 1 + turn % step;
        enum line_status status = line_reader_next(&reader, part, &taken, &line);
        REQUIRE(taken <= part.len && taken > 0);
        at += taken;
        if (status == LINE_MORE) continue;
        bytes_append_uint(log, status);
        bytes_append(log, line);
        if (status == LINE_READY) look_at(line);
    }
    line_reader_release(&reader);
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
