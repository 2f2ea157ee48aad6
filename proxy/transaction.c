#include "proxy/transaction.h"
#include "base/ascii.h"

void transaction_init(struct transaction *transaction) {
    *transaction = (struct transaction){
        .mail_line = bytes_with_cap(TRANSACTION_LINE_MAX),
        .sender = bytes_with_cap(TRANSACTION_TEXT_MAX),
        .recipients = bytes_with_cap(TRANSACTION_TEXT_MAX),
        .forward_paths = bytes_with_cap(TRANSACTION_PATHS_MAX),
        .outcome = bytes_with_cap(TRANSACTION_TEXT_MAX),
    };
}

void transaction_reset(struct transaction *transaction) {
    bytes_release(&transaction->mail_line);
    bytes_release(&transaction->sender);
    bytes_release(&transaction->recipients);
    bytes_release(&transaction->forward_paths);
    bytes_release(&transaction->outcome);
    transaction_init(transaction);
}

/* Appends all of a separator and text, or nothing of them. */
static void append_item(struct bytes *list, const char *separator, struct span text) {
    if (!bytes_reserve(list, 2 + text.len)) {
        list->failed = false; /* a later, shorter one may still fit; the counts are exact anyway */
        return;
    }
    if (list->len > 0) bytes_append_text(list, separator);
    bytes_append(list, text);
}

bool transaction_try(struct transaction *transaction, struct span path) {
    struct bytes *paths = &transaction->forward_paths;
    transaction->tried++;
    transaction->forward_paths_sure = paths->len;
    if (!bytes_reserve(paths, path.len + 1)) return paths->failed = false;
    bytes_append(paths, path);
    bytes_append_char(paths, '\n');
    transaction->recipients_sure = transaction->recipients.len;
    append_item(&transaction->recipients, ",", path);
    return true;
}

void transaction_settle(struct transaction *transaction, bool accepted) {
    if (accepted)
        transaction->accepted++;
    else
        transaction->recipients.len = transaction->recipients_sure,
        transaction->forward_paths.len = transaction->forward_paths_sure;
    transaction->recipients_sure = transaction->recipients.len;
}

void transaction_note(struct transaction *transaction, const struct smtp_reply *reply) {
    struct bytes line = bytes_with_cap(SMTP_REPLY_LINE_MAX + 16);
    bytes_append_uint(&line, reply->code);
    if (reply->line_count > 0) {
        bytes_append_char(&line, ' ');
        bytes_append(&line, smtp_reply_line(reply, 0));
    }
    append_item(&transaction->outcome, "; ", bytes_span(&line));
    bytes_release(&line);
    if (reply->code > transaction->code) transaction->code = reply->code;
    if (smtp_reply_class(reply) == 2) transaction->delivered++;
}

struct span transaction_queue_id(const struct transaction *transaction) {
    static const char marker[] = "queued as ";
    struct span text = bytes_span(&transaction->outcome);
    const char *at = text.len > 0 ? memmem(text.ptr, text.len, marker, sizeof marker - 1) : NULL;
    if (at == NULL) return (struct span){NULL, 0};
    struct span id = span_after(text, (size_t)(at - text.ptr) + sizeof marker - 1);
    size_t len = 0;
    while (len < id.len && ascii_is_alnum(id.ptr[len])) len++;
    return span_first(id, len);
}
