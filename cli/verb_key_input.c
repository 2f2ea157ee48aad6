#include "cli/verb_key_input.h"
#include <errno.h>
#include <stdlib.h>
#include "cli/common_input.h"
#include "verifier/record_report.h"

enum { ARENA_MAX = 4 << 20, TEXT_MAX = 1 << 20, MESSAGE_MAX = 64 << 20 };

static bool out_of_memory(void) {
    cli_complain("out of memory");
    return false;
}

static bool read_file(const char *path, size_t cap, struct bytes *out) {
    const char *problem;
    *out = bytes_with_cap(cap);
    if (cli_file_read(path, out, &problem)) return true;
    cli_complain("key: %s: %s", path, problem);
    return false;
}

static bool read_provider(const struct cli_options *options, struct key_input *input) {
    if (options->provider_answer == NULL) return true;
    if (!read_file(options->provider_answer, TEXT_MAX, &input->provider_text)) return false;
    input->question.provider = &input->provider;
    return provider_answer_read(bytes_span(&input->provider_text), input->arena, &input->provider) || out_of_memory();
}

static bool read_record(const struct cli_options *options, struct key_input *input) {
    struct span text;
    if (options->record == NULL && options->record_file == NULL) return true;
    if (options->record != NULL) {
        text = span_of(options->record);
    } else {
        if (!read_file(options->record_file, TEXT_MAX, &input->record_text)) return false;
        text = bytes_span(&input->record_text);
    }
    input->question.record = &input->record;
    return record_paste_read(text, input->arena, &input->record) || out_of_memory();
}

static bool take_signatures(struct key_input *input) {
    size_t room = header_section_count(&input->header, "DKIM-Signature"), start = 0;
    struct record_signature *signature = room > 0 ? arena_alloc(input->arena, room * sizeof *signature) : NULL;
    if (room == 0) return true;
    if (signature == NULL) return out_of_memory();
    input->question.signature = signature;
    for (const struct header_field *field;
         (field = header_section_find(&input->header, "DKIM-Signature", start)) != NULL;) {
        start = (size_t)(field - input->header.fields) + 1;
        input->question.signature_count +=
            record_signature_read(field->body, input->arena, signature + input->question.signature_count);
    }
    return true;
}

static bool read_message(const struct cli_options *options, struct key_input *input) {
    struct cli_input_notes notes;
    size_t taken;
    if (options->message == NULL) return true;
    input->message_text = bytes_with_cap(MESSAGE_MAX);
    enum cli_input_status read = cli_input_read(options->message, &input->message_text, &notes);
    if (read != CLI_INPUT_OK) {
        cli_complain("key: %s: %s", options->message, read == CLI_INPUT_EMPTY ? "the file is empty" : notes.problem);
        return false;
    }
    header_section_init(&input->header, header_limits_default);
    enum header_status status = header_section_update(&input->header, bytes_span(&input->message_text), &taken);
    if (status == HEADER_MORE) status = header_section_finish(&input->header);
    if (status != HEADER_COMPLETE) {
        cli_complain("key: %s: %s", options->message, header_status_text(status));
        return false;
    }
    input->question.has_message = true;
    input->question.message = bytes_span(&input->message_text);
    input->question.message_has_body = input->header.ended_by_empty_line;
    return take_signatures(input);
}

/* Takes the next part, up to a colon, off *rest; NULL stays NULL. */
static struct span take_part(struct span *rest) {
    size_t colon = span_find(*rest, ':');
    struct span part = span_first(*rest, colon);
    *rest = colon < rest->len ? span_after(*rest, colon + 1) : (struct span){NULL, 0};
    return part;
}

static bool read_number(struct span text, int64_t *out) {
    enum { DIGITS_MAX = 18 };
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
        *out = *out * 10 + (text.ptr[i] - '0');
    }
    return text.len > 0 && text.len <= DIGITS_MAX;
}

static bool read_seen(const char *argument, struct record_history *out) {
    struct span rest = span_of(argument);
    int64_t failures = 0;
    if (rest.len > 1000) return false;
    out->selector = take_part(&rest);
    bool good = out->selector.len > 0 && read_number(take_part(&rest), &out->first_seen_s) &&
                read_number(take_part(&rest), &out->last_seen_s);
    if (good && rest.ptr != NULL) good = read_number(take_part(&rest), &failures);
    out->recent_failures = (uint64_t)failures;
    if (good && rest.ptr != NULL) out->fingerprint = take_part(&rest);
    return good && rest.ptr == NULL;
}

static bool read_history(const struct cli_options *options, struct key_input *input) {
    if (options->seen.count > RECORD_HISTORY_MAX) {
        cli_complain("key: --seen stands more than %d times", RECORD_HISTORY_MAX);
        return false;
    }
    for (size_t i = 0; i < options->seen.count; i++) {
        if (read_seen(options->seen.item[i], &input->history[i])) continue;
        cli_complain("key: --seen wants SELECTOR:FIRST:LAST[:FAILURES[:KEY]], not '%s'", options->seen.item[i]);
        return false;
    }
    input->question.history = input->history;
    input->question.history_count = options->seen.count;
    return true;
}

/* The domain and its selectors; a provider's answer may stand for both. */
static bool read_operands(const struct cli_options *options, struct key_input *input) {
    size_t selectors = options->operand.count > 0 ? options->operand.count - 1 : 0;
    bool from_provider = selectors == 0 && options->provider_answer != NULL;
    if ((selectors == 0 && !from_provider) || selectors > RECORD_SELECTORS_MAX) {
        cli_complain("key: name a domain and its selectors (at most %d)", RECORD_SELECTORS_MAX);
        return false;
    }
    if (input->question.record != NULL && selectors != 1) {
        cli_complain("key: --record judges one selector");
        return false;
    }
    if (options->expect_cname.count > selectors) {
        cli_complain("key: --expect-cname stands more often than there are selectors");
        return false;
    }
    if (options->operand.count > 0) input->question.domain = span_of(options->operand.item[0]);
    struct record_wish *wish = selectors > 0 ? arena_alloc(input->arena, selectors * sizeof *wish) : NULL;
    if (selectors > 0 && wish == NULL) return out_of_memory();
    for (size_t i = 0; i < selectors; i++) {
        wish[i].selector = span_of(options->operand.item[i + 1]);
        if (i < options->expect_cname.count) wish[i].expected_cname = span_of(options->expect_cname.item[i]);
    }
    input->question.wish = wish;
    input->question.count = selectors;
    return true;
}

bool key_input_read(const struct cli_options *options, int64_t now_s, struct key_input *input) {
    *input = (struct key_input){.question = {.now_s = now_s}};
    input->arena = arena_create(ARENA_MAX);
    if (input->arena == NULL) return out_of_memory();
    if (options->record != NULL && options->record_file != NULL) {
        cli_complain("key: --record and --record-file name one record each: give one of them");
        return false;
    }
    return read_record(options, input) && read_operands(options, input) && read_provider(options, input) &&
           read_message(options, input) && read_history(options, input);
}

void key_input_release(struct key_input *input) {
    header_section_release(&input->header);
    bytes_release(&input->provider_text);
    bytes_release(&input->record_text);
    bytes_release(&input->message_text);
    arena_destroy(input->arena);
}
