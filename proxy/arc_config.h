/* proxy/arc_config.h -- what the section arc of the configuration asks for, in use: names as A-labels, the key loaded.
 * The key that comes next is loaded too, and let go at once: so that it is known to be good before it is needed.
 * Reads key files; no other I/O, no lock or clock. Thread rule: immutable once made; any number of threads seal. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "verifier/domain_name.h"
#include "verifier/sealing_key.h"

struct options;

struct arc_config {
    struct sealing_key *key; /* NULL: nothing is sealed */
    char domain[DOMAIN_NAME_MAX], selector[DOMAIN_NAME_MAX];
    size_t domain_len, selector_len;
    char **trusted; /* lower-case A-labels */
    size_t trusted_count;
};

/* NULL: *error (caller frees; NULL without memory) is one sentence that names key and file. */
struct arc_config *arc_config_create(const struct options *options, char **error);
void arc_config_destroy(struct arc_config *config); /* accepts NULL */
