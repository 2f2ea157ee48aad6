#include "cli/common_envelope.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static struct span without_brackets(const char *text) {
    struct span path = span_of(text);
    bool has_brackets = path.len >= 2 && path.ptr[0] == '<' && path.ptr[path.len - 1] == '>';
    return has_brackets ? (struct span){path.ptr + 1, path.len - 2} : path;
}

bool cli_envelope_is_given(const struct cli_options *options) {
    return options->ip != NULL || options->helo != NULL || options->mail_from != NULL;
}

bool cli_envelope_read(const struct cli_options *options, const char *verb_name, struct authentication_envelope *out) {
    *out = (struct authentication_envelope){.has_address = options->ip != NULL};
    if (options->helo != NULL) out->helo = span_of(options->helo);
    if (options->mail_from != NULL) out->mail_from = without_brackets(options->mail_from);
    if (!out->has_address) return true;
    out->is_v4 = inet_pton(AF_INET, options->ip, out->address) == 1;
    if (out->is_v4 || inet_pton(AF_INET6, options->ip, out->address) == 1) return true;
    cli_complain("%s: --ip wants an IPv4 or IPv6 address, not '%s'", verb_name, options->ip);
    return false;
}
