#include "http/stats_watch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "http/stats_keys.h"

enum { DAY = 24 * 3600 };
#define OLD (1U << STATS_WATCH_OLD_SELECTOR)
#define CHANGED (1U << STATS_WATCH_KEY_CHANGED)
#define REVOKED (1U << STATS_WATCH_REVOKED)
#define TESTING (1U << STATS_WATCH_TESTING)

/* Days of first and last use; the watch looks at keys used since day 90. */
struct row_key {
    const char *selector;
    unsigned fingerprint, first, last;
    enum key_algorithm algorithm;
    bool testing, revoked;
    unsigned want;
};
static const struct {
    const char *name;
    struct row_key keys[3];
    unsigned all;
} rows[] = {
    {"one key", {{"a", 1, 0, 100, KEY_RSA, false, false, 0}}, 0},
    {"both sign, but for six days",
     {{"a", 1, 0, 100, KEY_RSA, false, false, 0}, {"b", 2, 94, 100, KEY_RSA, false, false, 0}},
     0},
    {"the old one signs after seven days",
     {{"a", 1, 0, 100, KEY_RSA, false, false, OLD}, {"b", 2, 93, 100, KEY_RSA, false, false, 0}},
     OLD},
    {"the old one has stopped",
     {{"a", 1, 0, 89, KEY_RSA, false, false, 0}, {"b", 2, 50, 100, KEY_RSA, false, false, 0}},
     0},
    {"the new one was a try",
     {{"a", 1, 0, 100, KEY_RSA, false, false, 0}, {"b", 2, 80, 81, KEY_RSA, false, false, 0}},
     0},
    {"signs twice, RFC 8463",
     {{"a", 1, 0, 100, KEY_RSA, false, false, 0}, {"e", 2, 50, 100, KEY_ED25519, false, false, 0}},
     0},
    {"another key",
     {{"a", 1, 0, 95, KEY_RSA, false, false, 0}, {"a", 2, 95, 100, KEY_RSA, false, false, CHANGED}},
     CHANGED},
    {"another key, long ago",
     {{"a", 1, 0, 50, KEY_RSA, false, false, 0}, {"a", 2, 50, 80, KEY_RSA, false, false, 0}},
     0},
    {"the same key elsewhere",
     {{"a", 1, 99, 100, KEY_RSA, false, false, 0}, {"b", 1, 98, 100, KEY_RSA, false, false, 0}},
     0},
    {"revoked and still signing",
     {{"a", 1, 0, 94, KEY_RSA, false, false, 0}, {"a", 0, 95, 100, KEY_RSA, false, true, REVOKED}},
     REVOKED},
    {"in test mode", {{"a", 1, 0, 100, KEY_RSA, true, false, TESTING}}, TESTING},
    {"was in test mode", {{"a", 1, 0, 80, KEY_RSA, true, false, 0}}, 0},
    {"all of it",
     {{"a", 1, 0, 100, KEY_RSA, true, false, OLD | TESTING},
      {"b", 2, 50, 95, KEY_RSA, false, false, 0},
      {"b", 3, 95, 100, KEY_RSA, false, false, CHANGED}},
     OLD | TESTING | CHANGED},
};

static void every_row_is_watched_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stats_keys *keys = stats_keys_create(16);
        uint32_t list = STATS_KEYS_NONE;
        struct stats_key *made[3] = {0};
        for (size_t k = 0; k < 3 && rows[i].keys[k].selector != NULL; k++) {
            const struct row_key *from = &rows[i].keys[k];
            uint8_t fingerprint[DIGEST_OCTETS];
            memset(fingerprint, (int)from->fingerprint, sizeof fingerprint);
            made[k] = stats_keys_use(keys, &list, span_of(from->selector), from->fingerprint > 0 ? fingerprint : NULL);
            made[k]->first_seen_s = (int64_t)(from->first + 1) * DAY;
            made[k]->last_seen_s = (int64_t)(from->last + 1) * DAY;
            made[k]->algorithm = (uint8_t)from->algorithm;
            made[k]->testing = from->testing;
            made[k]->revoked = from->revoked;
        }
        for (size_t k = 0; k < 3 && made[k] != NULL; k++) {
            unsigned got = stats_watch_key(keys, &list, made[k], INT64_C(91) * DAY);
            if (got != rows[i].keys[k].want) fail_msg("%s: key %zu is %u", rows[i].name, k, got);
        }
        if (stats_watch_all(keys, &list, INT64_C(91) * DAY) != rows[i].all) fail_msg("%s: all", rows[i].name);
        stats_keys_destroy(keys);
    }
    assert_string_equal(stats_watch_word(STATS_WATCH_TESTING), "testing");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_watched_as_wanted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
