#include "proxy/arc_config.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/options.h"

__attribute__((format(printf, 2, 3))) static bool refuse(char **error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(error, format, arguments) < 0) *error = NULL;
    va_end(arguments);
    return false;
}

static bool read_name(const char *key, const char *text, bool is_domain, char out[DOMAIN_NAME_MAX], size_t *len,
                      char **error) {
    *len = domain_name_write(span_of(text), is_domain, out);
    return *len > 0 || refuse(error, "'%s' in arc: '%s' is no legal %s", key, text, is_domain ? "domain" : "selector");
}

static bool load_key(const char *key, const char *path, struct sealing_key **out, char **error) {
    enum sealing_key_status status = sealing_key_load(path, out);
    if (status == SEALING_KEY_OK) return true;
    if (status == SEALING_KEY_UNREADABLE) return refuse(error, "'%s' in arc: %s: %s", key, path, strerrordesc_np(errno));
    return refuse(error, "'%s' in arc: %s: %s", key, path, sealing_key_status_text(status));
}

static bool check_next(const struct options *options, char **error) {
    char name[DOMAIN_NAME_MAX];
    size_t len;
    struct sealing_key *key = NULL;
    if (options->arc_next_selector[0] == '\0') return true;
    bool is_sound = read_name("next_selector", options->arc_next_selector, false, name, &len, error) &&
                    load_key("next_key_file", options->arc_next_key_file, &key, error);
    sealing_key_release(key);
    return is_sound;
}

static bool read_seal(struct arc_config *config, const struct options *options, char **error) {
    if (options->arc_seal == 0) return true;
    return read_name("domain", options->arc_domain, true, config->domain, &config->domain_len, error) &&
           read_name("selector", options->arc_selector, false, config->selector, &config->selector_len, error) &&
           load_key("key_file", options->arc_key_file, &config->key, error) && check_next(options, error);
}

static bool read_trusted(struct arc_config *config, const struct string_list *names, char **error) {
    if (names->count == 0) return true;
    config->trusted = calloc(names->count, sizeof *config->trusted);
    if (config->trusted == NULL) return false;
    for (; config->trusted_count < names->count; config->trusted_count++) {
        char name[DOMAIN_NAME_MAX];
        size_t len;
        if (!read_name("trusted_sealers", names->item[config->trusted_count], true, name, &len, error)) return false;
        config->trusted[config->trusted_count] = strndup(name, len);
        if (config->trusted[config->trusted_count] == NULL) return false;
    }
    return true;
}

struct arc_config *arc_config_create(const struct options *options, char **error) {
    struct arc_config *config = calloc(1, sizeof *config);
    *error = NULL;
    if (config == NULL) return NULL;
    if (read_seal(config, options, error) && read_trusted(config, &options->arc_trusted_sealers, error)) return config;
    arc_config_destroy(config);
    return NULL;
}

void arc_config_destroy(struct arc_config *config) {
    if (config == NULL) return;
    for (size_t i = 0; i < config->trusted_count; i++) free(config->trusted[i]);
    free(config->trusted);
    sealing_key_release(config->key);
    free(config);
}
