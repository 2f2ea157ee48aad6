#include "proxy/relay_command.h"
#include "proxy/smtp_capabilities.h"
#include "proxy/smtp_command.h"

static bool is_offered(enum smtp_parameter_kind kind, const struct smtp_capabilities *to) {
    switch (kind) {
    case SMTP_SIZE: return to->size;
    case SMTP_BODY: return to->eight_bit_mime;
    case SMTP_SMTPUTF8: return to->smtputf8;
    case SMTP_MAIL_AUTH: return to->auth;
    case SMTP_RET:
    case SMTP_ENVID:
    case SMTP_NOTIFY:
    case SMTP_ORCPT: return to->dsn;
    default: return false;
    }
}

bool relay_command_write(struct bytes *out, const struct smtp_command *command, const struct smtp_capabilities *to) {
    if (!command->path_is_ascii && !to->smtputf8) return false;
    bytes_append_text(out, command->verb == SMTP_MAIL ? "MAIL FROM:<" : "RCPT TO:<");
    bytes_append(out, command->path);
    bytes_append_char(out, '>');
    for (const struct smtp_parameter *parameter = command->parameter;
         parameter < command->parameter + command->parameter_count; parameter++) {
        if (!is_offered(parameter->kind, to)) continue;
        bytes_append_char(out, ' ');
        bytes_append_text(out, smtp_parameter_word(parameter->kind));
        if (!parameter->has_value) continue;
        bytes_append_char(out, '=');
        bytes_append(out, parameter->value);
    }
    return true;
}
