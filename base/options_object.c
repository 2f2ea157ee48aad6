#include "base/options.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROGRAM_MEMORY = 64 << 20 }; /* what is there without a session: code, resolver, caches of libraries, idle buffers */

struct counted {
    struct options options; /* first: a pointer to it is a pointer to the whole */
    atomic_uint references;
};

bool options_set_text(char **field, const char *text) {
    char *copy = strdup(text);
    if (copy == NULL) return false;
    free(*field);
    *field = copy;
    return true;
}

static bool set_texts(struct options *options) {
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') memcpy(host, "localhost", sizeof "localhost");
    return options_set_text(&options->authserv_id, host) && options_set_text(&options->spool_directory, "") &&
           options_set_text(&options->user, "") && options_set_text(&options->group, "") &&
           options_set_text(&options->dns_mode, "recurse") && options_set_text(&options->dns_trust_anchor, "") &&
           options_set_text(&options->log_format, "logfmt") && options_set_text(&options->results_style, "standard") &&
           options_set_text(&options->arc_domain, "") && options_set_text(&options->arc_selector, "") &&
           options_set_text(&options->arc_key_file, "") && options_set_text(&options->arc_next_selector, "") &&
           options_set_text(&options->arc_next_key_file, "") && options_set_text(&options->http_access_file, "") && options_set_text(&options->http_history, "") &&
           options_set_text(&options->log_events, "") && options_set_text(&options->tester_domain, "") &&
           options_set_text(&options->tester_base_url, "");
}

static bool set_http_listen(struct options *options) {
    options->http_listen.item = calloc(1, sizeof *options->http_listen.item);
    if (options->http_listen.item == NULL || !endpoint_parse("127.0.0.1:9811", options->http_listen.item)) return false;
    options->http_listen.count = 1;
    return true;
}

struct options *options_create(void) {
    struct counted *counted = calloc(1, sizeof *counted);
    if (counted == NULL) return NULL;
    struct options *options = &counted->options;
    atomic_init(&counted->references, 1);
#define OPTION(field, section, key, kind, least, most, standard, help) options->field = standard;
#include "base/options.def"
    if (set_texts(options) && set_http_listen(options)) return options;
    options_release(options);
    return NULL;
}

int64_t options_message_memory(const struct options *options) {
    return options->memory_max - options->key_cache_max - PROGRAM_MEMORY;
}

struct options *options_acquire(struct options *options) {
    atomic_fetch_add_explicit(&((struct counted *)options)->references, 1, memory_order_relaxed);
    return options;
}

void listener_options_clear(struct listener_options *listener) {
    free(listener->name);
    free(listener->maildir);
    free(listener->trust);
    free(listener->proxy_from);
    free(listener->tls_certificate);
    free(listener->tls_key);
    free(listener->downstream_ca);
    *listener = (struct listener_options){.reject_line_ends = true};
}

void string_list_clear(struct string_list *list) {
    for (size_t i = 0; i < list->count; i++) free(list->item[i]);
    free(list->item);
    *list = (struct string_list){0};
}

void options_release(struct options *options) {
    struct counted *counted = (struct counted *)options;
    if (counted == NULL || atomic_fetch_sub_explicit(&counted->references, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < options->listener_count; i++) listener_options_clear(&options->listener[i]);
    free(options->listener);
    string_list_clear(&options->dns_forward);
    string_list_clear(&options->dns_stub);
    string_list_clear(&options->dns_zone_files);
    string_list_clear(&options->arc_trusted_sealers);
    free(options->http_listen.item);
    free(options->http_metrics_listen.item);
    free(options->tester_listen.item);
    free(options->tester_domain);
    free(options->tester_base_url);
    free(options->http_access_file);
    free(options->http_history);
    string_list_clear(&options->http_domains_always);
    string_list_clear(&options->rules_file);
    string_list_clear(&options->rules_quarantine);
    free(options->results_style);
    free(options->arc_domain);
    free(options->arc_selector);
    free(options->arc_key_file);
    free(options->arc_next_selector);
    free(options->arc_next_key_file);
    free(options->authserv_id);
    free(options->spool_directory);
    free(options->user);
    free(options->group);
    free(options->dns_mode);
    free(options->dns_trust_anchor);
    free(options->log_format);
    free(options->log_events);
    free(counted);
}
