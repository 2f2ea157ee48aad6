#include "proxy/rule_config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/named_counts.h"
#include "base/options.h"
#include "rules/rule_set.h"

static void complain(const struct rule_errors *errors, char **error) {
    const struct rule_error *first = &errors->error[0];
    char more[40] = "";
    if (errors->count > 1) (void)snprintf(more, sizeof more, " (and %zu more)", errors->count - 1);
    int len = first->line > 0 ? asprintf(error, "'file' in rules: %.*s:%u:%u: %.*s; %.*s%s", (int)first->file.len,
                                         first->file.ptr, first->line, first->column, (int)first->message.len,
                                         first->message.ptr, (int)first->hint.len, first->hint.ptr, more)
                              : asprintf(error, "'file' in rules: %.*s: %.*s%s", (int)first->file.len, first->file.ptr,
                                         (int)first->message.len, first->message.ptr, more);
    if (len < 0) *error = NULL;
}

static bool load(struct rule_config *config, char **error) {
    const struct options *options = config->options;
    const struct rule_options wanted = {.arm_discard = options->rules_discard != 0,
                                        .all_shadow = options->rules_shadow != 0,
                                        .use_jit = options->rules_jit != 0};
    struct rule_errors errors = {.count = 0};
    enum rule_set_status status = rule_set_load((const char *const *)options->rules_file.item,
                                                options->rules_file.count, &wanted, &errors, &config->set);
    if (status == RULE_SET_BAD && errors.count > 0) complain(&errors, error);
    rule_errors_release(&errors);
    return status == RULE_SET_OK;
}

static bool acquire_rows(struct rule_config *config) {
    size_t count = rule_set_count(config->set);
    config->asks_findings = rule_set_asks_findings(config->set);
    config->row = calloc(count > 0 ? count : 1, sizeof *config->row);
    if (config->row == NULL) return false;
    for (; config->rows < count; config->rows++)
        config->row[config->rows] = named_counts_acquire(config->counts, rule_set_name(config->set, config->rows));
    return true;
}

struct rule_config *rule_config_create(const struct options *options, struct named_counts *counts, char **error) {
    struct rule_config *config = calloc(1, sizeof *config);
    *error = NULL;
    if (config == NULL) return NULL;
    config->options = options;
    config->counts = counts;
    if (options->rules_file.count == 0) return config;
    if (load(config, error) && (counts == NULL || acquire_rows(config))) return config;
    rule_config_destroy(config);
    return NULL;
}

void rule_config_destroy(struct rule_config *config) {
    if (config == NULL) return;
    for (size_t i = 0; i < config->rows; i++) named_counts_release(config->counts, config->row[i]);
    free(config->row);
    rule_set_destroy(config->set);
    free(config);
}

void rule_config_count(const struct rule_config *config, uint32_t rule, enum rule_count kind) {
    if (rule < config->rows) named_count_add(config->row[rule], kind);
}

const char *rule_config_quarantine(const struct rule_config *config, struct span name) {
    static const char kind[] = "maildir:";
    const struct string_list *list = &config->options->rules_quarantine;
    for (size_t i = 0; i < list->count; i++) {
        struct span item = span_of(list->item[i]);
        size_t len = span_find(item, '=');
        if (span_equal(span_first(item, len), name)) return list->item[i] + len + sizeof kind; /* '=' for the NUL */
    }
    return NULL;
}
