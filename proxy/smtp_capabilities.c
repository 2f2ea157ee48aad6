#include "proxy/smtp_capabilities.h"
#include "base/ascii.h"
#include "proxy/xforward.h"

/* The octets before the first space (or, for the keyword, '='), taken from *rest with the spaces behind them. */
static struct span take_word(struct span *rest, bool is_keyword) {
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != ' ' && !(is_keyword && rest->ptr[len] == '=')) len++;
    struct span word = span_first(*rest, len);
    *rest = span_after(*rest, len < rest->len ? len + 1 : len);
    while (rest->len > 0 && rest->ptr[0] == ' ') *rest = span_after(*rest, 1);
    return word;
}

static bool read_number(struct span digits, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (!ascii_is_digit(digits.ptr[i])) return false;
        uint64_t digit = (uint64_t)(digits.ptr[i] - '0');
        *out = *out > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *out * 10 + digit;
    }
    return digits.len > 0;
}

/* RFC 9422: "RCPTMAX=100 MAILMAX=10"; a limit of 0 is none. */
static void read_limits(struct span rest, struct smtp_capabilities *out) {
    while (rest.len > 0) {
        struct span value = take_word(&rest, false);
        struct span name = take_word(&value, true);
        uint64_t limit;
        if (!read_number(value, &limit) || limit == 0) continue;
        if (span_is_nocase(name, "RCPTMAX")) out->has_rcpt_max = true, out->rcpt_max = limit;
        if (span_is_nocase(name, "MAILMAX")) out->has_mail_max = true, out->mail_max = limit;
    }
}

static void read_line(struct span line, struct smtp_capabilities *out) {
    struct span rest = line, keyword = take_word(&rest, true);
    struct { const char *word; bool *flag; } const flags[] = {
        {"SIZE", &out->size},          {"8BITMIME", &out->eight_bit_mime},
        {"SMTPUTF8", &out->smtputf8},  {"PIPELINING", &out->pipelining},
        {"DSN", &out->dsn},            {"ENHANCEDSTATUSCODES", &out->enhanced_status_codes},
        {"STARTTLS", &out->starttls},  {"CHUNKING", &out->chunking},
        {"AUTH", &out->auth},
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (span_is_nocase(keyword, flags[i].word)) *flags[i].flag = true;
    if (span_is_nocase(keyword, "SIZE"))
        out->has_size_limit = read_number(take_word(&rest, false), &out->size_limit) && out->size_limit > 0;
    if (span_is_nocase(keyword, "XFORWARD")) out->xforward = xforward_offer_read(XFORWARD_COMMAND, rest);
    if (span_is_nocase(keyword, "XCLIENT")) out->xclient = xforward_offer_read(XCLIENT_COMMAND, rest);
    if (span_is_nocase(keyword, "LIMITS")) read_limits(rest, out);
}

void smtp_capabilities_read(const struct smtp_reply *reply, struct smtp_capabilities *out) {
    *out = (struct smtp_capabilities){.size = false};
    struct span rest = bytes_span(&reply->text);
    for (size_t i = 0; i < reply->line_count; i++) {
        size_t len = span_find(rest, '\n');
        if (i > 0) read_line(span_first(rest, len), out);
        rest = span_after(rest, len + 1);
    }
}
