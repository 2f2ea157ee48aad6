#include "verifier/verifier_policy.h"

const struct verifier_policy verifier_policy_default = {
    .header = {.section_max = 256 * 1024, .field_max = 64 * 1024, .fields_max = 1000},
    .signatures_seen_max = 32,
    .signatures_verified_max = 8,
    .key_lookups_max = 8,
    .dns_queries_max = 60,
    .rsa_bits_min = 1024,
    .rsa_bits_max = 4096,
    .drift_s = 300,
    .arc_keys_max = 10,
    .arc_bodies_max = 3,
};
