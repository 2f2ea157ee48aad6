#include <stdio.h>
#include <string.h>
#include "base/option_value.h"
#include "base/options.h"

/* prefix and text in double quotes. "${" would be an environment variable. */
static void print_quoted(FILE *out, const char *prefix, const char *text) {
    fprintf(out, "\"%s", prefix);
    for (; *text != '\0'; text++) {
        if (strchr("\"\\$", *text) != NULL) fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void print_text(FILE *out, const char *indent, const char *key, const char *prefix, const char *text) {
    fprintf(out, "%s%s = ", indent, key);
    print_quoted(out, prefix, text);
    fputc('\n', out);
}

static void print_endpoint(FILE *out, const char *key, const char *prefix, const struct endpoint *endpoint) {
    char text[ENDPOINT_TEXT_MAX];
    endpoint_format(endpoint, text);
    print_text(out, "    ", key, prefix, text);
}

static void print_list(FILE *out, const char *key, const struct string_list *list) {
    fprintf(out, "    %s = {", key);
    for (size_t i = 0; i < list->count; i++) {
        fputs(i > 0 ? ", " : " ", out);
        print_quoted(out, "", list->item[i]);
    }
    fputs(" }\n", out);
}

static void print_number(FILE *out, const char *indent, const char *key, enum option_kind kind, int64_t value) {
    char text[OPTION_VALUE_TEXT_MAX];
    option_value_format(kind, value, text);
    fprintf(out, "%s%s = %s\n", indent, key, text);
}

static void print_numbers(FILE *out, const struct options *options, const char *section) {
    const char *indent = section[0] == '\0' ? "" : "    ";
#define OPTION(field, in, key, kind, least, most, standard, help)                                                      \
    if (strcmp(section, in) == 0) print_number(out, indent, key, OPTION_##kind, options->field);
#include "base/options.def"
}

static void print_networks(FILE *out, const char *key, const struct network *network, size_t count) {
    fprintf(out, "    %s = {", key);
    for (size_t i = 0; i < count; i++) {
        char text[NETWORK_TEXT_MAX];
        network_format(&network[i], text);
        fprintf(out, "%s\"%s\"", i > 0 ? ", " : " ", text);
    }
    fputs(" }\n", out);
}

static void print_file(FILE *out, const char *key, const char *path) {
    print_text(out, "    ", key, "", path != NULL ? path : "");
}

static void print_tls(FILE *out, const struct listener_options *listener) {
    static const char *const words[] = {
        [TLS_OFF] = "off", [TLS_MAY] = "may", [TLS_REQUIRE] = "require", [TLS_VERIFY] = "verify"};
    print_text(out, "    ", "tls", "", words[listener->tls]);
    print_file(out, "tls_certificate", listener->tls_certificate);
    print_file(out, "tls_key", listener->tls_key);
    print_text(out, "    ", "downstream_tls", "", words[listener->downstream_tls]);
    print_file(out, "downstream_ca", listener->downstream_ca);
}

static void print_without(FILE *out, unsigned without) {
    static const char *const words[] = {"spf", "iprev", "dmarc"}; /* in the order of the bits */
    const char *before = " ";
    fputs("    without = {", out);
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        if ((without & 1u << i) == 0) continue;
        fprintf(out, "%s\"%s\"", before, words[i]);
        before = ", ";
    }
    fputs(" }\n", out);
}

static void print_listener(FILE *out, const struct listener_options *listener) {
    fputs("listener ", out);
    print_quoted(out, "", listener->name);
    fputs(" {\n", out);
    print_text(out, "    ", "protocol", "", listener->protocol == LISTENER_SMTP ? "smtp" : "lmtp");
    print_endpoint(out, "listen", "", &listener->listen);
    if (listener->has_socket_mode) fprintf(out, "    socket_mode = \"%04o\"\n", listener->socket_mode);
    switch (listener->downstream_kind) {
    case DOWNSTREAM_SMTP: print_endpoint(out, "downstream", "smtp:", &listener->downstream); break;
    case DOWNSTREAM_LMTP: print_endpoint(out, "downstream", "lmtp:", &listener->downstream); break;
    case DOWNSTREAM_MAILDIR: print_text(out, "    ", "downstream", "maildir:", listener->maildir); break;
    case DOWNSTREAM_TESTER: print_text(out, "    ", "downstream", "", "tester"); break;
    }
    print_networks(out, "trust", listener->trust, listener->trust_count);
    print_without(out, listener->without);
    print_text(out, "    ", "line_ends", "", listener->reject_line_ends ? "reject" : "pass");
    print_networks(out, "proxy_from", listener->proxy_from, listener->proxy_from_count);
    print_tls(out, listener);
    fputs("}\n", out);
}

/* What is not given is not printed: an empty name is none. */
static void print_arc(FILE *out, const struct options *options) {
    const struct {
        const char *key, *text;
    } rows[] = {
        {"domain", options->arc_domain},
        {"selector", options->arc_selector},
        {"key_file", options->arc_key_file},
        {"next_selector", options->arc_next_selector},
        {"next_key_file", options->arc_next_key_file},
    };
    fputs("arc {\n", out);
    print_numbers(out, options, "arc");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].text[0] != '\0') print_text(out, "    ", rows[i].key, "", rows[i].text);
    print_list(out, "trusted_sealers", &options->arc_trusted_sealers);
    fputs("}\n", out);
}

static void print_rules(FILE *out, const struct options *options) {
    fputs("rules {\n", out);
    print_list(out, "file", &options->rules_file);
    print_list(out, "quarantine", &options->rules_quarantine);
    print_numbers(out, options, "rules");
    fputs("}\n", out);
}

static void print_dns(FILE *out, const struct options *options) {
    fputs("dns {\n", out);
    print_text(out, "    ", "mode", "", options->dns_mode);
    print_list(out, "forward", &options->dns_forward);
    print_list(out, "stub", &options->dns_stub);
    print_text(out, "    ", "trust_anchor", "", options->dns_trust_anchor);
    print_list(out, "zone_files", &options->dns_zone_files);
    print_numbers(out, options, "dns");
    fputs("}\n", out);
}

static void print_endpoints(FILE *out, const char *key, const struct endpoint_list *list) {
    char text[ENDPOINT_TEXT_MAX];
    fprintf(out, "    %s = %s", key, list->count > 0 ? "{ " : "off");
    for (size_t i = 0; i < list->count; i++) {
        endpoint_format(&list->item[i], text);
        fputs(i > 0 ? ", " : "", out);
        print_quoted(out, "", text);
    }
    fputs(list->count > 0 ? " }\n" : "\n", out);
}

static void print_http(FILE *out, const struct options *options) {
    fputs("http {\n", out);
    print_endpoints(out, "listen", &options->http_listen);
    print_endpoints(out, "metrics_listen", &options->http_metrics_listen);
    print_list(out, "domains_always", &options->http_domains_always);
    print_text(out, "    ", "history", "", options->http_history[0] != '\0' ? options->http_history : "off");
    if (options->http_access_file[0] != '\0') print_text(out, "    ", "access_file", "", options->http_access_file);
    print_numbers(out, options, "http");
    fputs("}\n", out);
}

static void print_tester(FILE *out, const struct options *options) {
    fputs("tester {\n", out);
    if (options->tester_domain[0] != '\0') print_text(out, "    ", "domain", "", options->tester_domain);
    if (options->tester_base_url[0] != '\0') print_text(out, "    ", "base_url", "", options->tester_base_url);
    print_endpoints(out, "listen", &options->tester_listen);
    print_numbers(out, options, "tester");
    fputs("}\n", out);
}

void options_dump(const struct options *options, FILE *out) {
    print_text(out, "", "authserv_id", "", options->authserv_id);
    print_text(out, "", "spool", "", options->spool_directory);
    if (options->user[0] != '\0') print_text(out, "", "user", "", options->user);
    if (options->group[0] != '\0') print_text(out, "", "group", "", options->group);
    print_text(out, "", "results_style", "", options->results_style);
    print_numbers(out, options, "");
    for (size_t i = 0; i < options->listener_count; i++) print_listener(out, &options->listener[i]);
    print_dns(out, options);
    print_arc(out, options);
    print_rules(out, options);
    print_http(out, options);
    print_tester(out, options);
    fputs("limits {\n", out);
    print_numbers(out, options, "limits");
    fputs("}\nlog {\n", out);
    print_text(out, "    ", "format", "", options->log_format);
    print_text(out, "    ", "events", "", options->log_events[0] != '\0' ? options->log_events : "off");
    print_numbers(out, options, "log");
    fputs("}\n", out);
}
