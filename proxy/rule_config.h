/* proxy/rule_config.h -- what the section rules of the configuration asks for, in use: the compiled rules, a row of
 * counts for each, the places of quarantine. Reads the files of rules and the lists that they name. Thread rule:
 * immutable once made, but for the counts, which are atomic; any number of threads judge by it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

struct named_count;
struct named_counts;
struct options;
struct rule_set;

/* The columns of named_counts that a rule has. */
enum rule_count { RULE_COUNT_HITS, RULE_COUNT_SHADOW_HITS, RULE_COUNT_ERRORS };

struct rule_config {
    struct rule_set *set; /* NULL: there are no rules */
    struct named_counts *counts;
    struct named_count **row; /* of each rule */
    size_t rows;
    bool asks_findings; /* some rule wants to know what a diagnosis finds */
    const struct options *options; /* borrowed: whose generation this is */
};

/* options and counts are borrowed until destroy; counts may be NULL: nothing is counted. NULL: *error (caller frees;
 * NULL without memory) is one sentence that names file, line and column of the first mistake, and the cure. */
struct rule_config *rule_config_create(const struct options *options, struct named_counts *counts, char **error);
void rule_config_destroy(struct rule_config *config); /* accepts NULL */
void rule_config_count(const struct rule_config *config, uint32_t rule, enum rule_count kind);
/* Path of the Maildir of the quarantine called name; NULL: there is none. */
const char *rule_config_quarantine(const struct rule_config *config, struct span name);
