#include "http/stats_recall.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"

enum { START_S = 1800000000, DAY_S = 86400 };

struct scene {
    struct clock_fixed clock;
    struct domain_stats *stats;
    struct domain_stats_worker *worker;
    struct arena *arena;
};

static void scene_begin(struct scene *scene) {
    *scene = (struct scene){.clock = clock_fixed_at(START_S), .arena = arena_create(1 << 20)};
    scene->stats = domain_stats_create(0, &scene->clock.clock);
    scene->worker = domain_stats_worker_create(scene->stats);
    assert_non_null(scene->worker);
}

static void scene_end(struct scene *scene) {
    domain_stats_destroy(scene->stats);
    arena_destroy(scene->arena);
}

static struct dkim_result signature_of(const char *domain, const char *selector, uint8_t fingerprint,
                                       enum dkim_code code) {
    struct dkim_result signature = {.code = code,
                                    .result = dkim_code_result(code),
                                    .domain = span_of(domain),
                                    .domain_ascii = span_of(domain),
                                    .selector = span_of(selector),
                                    .records_tried = code != DKIM_KEY_MISSING,
                                    .body_part = code == DKIM_BODY_HASH_MISMATCH ? PART_CHANGED : PART_INTACT,
                                    .has_key_fingerprint = fingerprint > 0};
    memset(signature.key_fingerprint, fingerprint, sizeof signature.key_fingerprint);
    return signature;
}

static void add(struct scene *scene, const char *domain, const char *selector, uint8_t fingerprint,
                enum dkim_code code) {
    struct dkim_result signature = signature_of(domain, selector, fingerprint, code);
    domain_stats_add_signature(scene->worker, &signature);
}

static void keys_of_failing_domains_come_back(void **state) {
    (void)state;
    struct scene scene;
    struct diagnosis_seen seen;
    scene_begin(&scene);
    add(&scene, "d.example", "sel", 1, DKIM_OK);
    add(&scene, "d.example", "sel", 1, DKIM_OK);
    add(&scene, "d.example", "sel", 2, DKIM_SIGNATURE_MISMATCH);
    add(&scene, "e.example", "sel", 3, DKIM_OK);
    struct dkim_result dkim[] = {signature_of("d.example", "sel", 2, DKIM_SIGNATURE_MISMATCH),
                                 signature_of("e.example", "sel", 3, DKIM_OK),
                                 signature_of("d.example", "sel", 2, DKIM_SIGNATURE_MISMATCH)};
    struct message_result result = {.dkim = dkim, .dkim_count = 3};
    stats_recall_message(scene.stats, &result, scene.arena, &seen);
    assert_int_equal(seen.key_count, 2); /* of d.example, once; the one used last comes first */
    assert_true(span_is(seen.key[1].name, "sel._domainkey.d.example"));
    assert_int_equal(seen.key[1].fingerprint[31], 1);
    assert_int_equal(seen.key[1].passes, 2);
    assert_int_equal(seen.key[0].passes, 0);
    assert_int_equal(seen.signatures, 0); /* no body was changed: nobody looked */
    stats_recall_message(NULL, &result, scene.arena, &seen);
    assert_int_equal(seen.key_count, 0);
    scene_end(&scene);
}

static void the_mail_of_all_is_summed_up(void **state) {
    (void)state;
    struct scene scene;
    struct diagnosis_seen seen;
    char domain[32];
    scene_begin(&scene);
    for (int i = 0; i < 60; i++) {
        snprintf(domain, sizeof domain, "d%d.example", i % 6);
        add(&scene, domain, "s", 1, i % 6 == 0 ? DKIM_OK : DKIM_BODY_HASH_MISMATCH);
    }
    struct dkim_result dkim = signature_of("d1.example", "s", 1, DKIM_BODY_HASH_MISMATCH);
    struct message_result result = {.dkim = &dkim, .dkim_count = 1};
    stats_recall_message(scene.stats, &result, scene.arena, &seen);
    assert_int_equal(seen.signatures, 60);
    assert_int_equal(seen.body_failures, 50);
    assert_int_equal(seen.domains, 6);
    assert_int_equal(seen.failing_domains, 5);
    scene_end(&scene);
}

/* All that fails came through one server, and others bring the domain's mail unharmed. */
static void one_forwarder_is_told(void **state) {
    (void)state;
    static const char *const clients[] = {"192.0.2.7", "2001:db8::7"};
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        struct diagnosis_seen seen;
        struct dkim_result bad = signature_of("d.example", "s", 1, DKIM_BODY_HASH_MISMATCH),
                           good = signature_of("d.example", "s", 1, DKIM_OK);
        struct message_result result = {.dkim = &bad, .dkim_count = 1};
        scene_begin(&scene);
        for (int n = 0; n < 3; n++) domain_stats_add_signature_from(scene.worker, &bad, clients[i]);
        domain_stats_add_signature_from(scene.worker, &bad, "unknown");
        domain_stats_add_signature_from(scene.worker, &good, clients[i]);
        stats_recall_message(scene.stats, &result, scene.arena, &seen);
        assert_int_equal(seen.failures, 0); /* perhaps all of its mail comes that way */
        domain_stats_add_signature_from(scene.worker, &good, "198.51.100.1");
        stats_recall_message(scene.stats, &result, scene.arena, &seen);
        assert_int_equal(seen.failures, 3);
        assert_int_equal(seen.failures_through, 3);
        assert_true(span_is(seen.through, clients[i]));
        domain_stats_add_signature_from(scene.worker, &bad, "198.51.100.1");
        stats_recall_message(scene.stats, &result, scene.arena, &seen);
        assert_int_equal(seen.failures, 0);
        scene_end(&scene);
    }
}

static void selectors_have_their_history(void **state) {
    (void)state;
    struct scene scene;
    const struct record_history *rows;
    scene_begin(&scene);
    add(&scene, "d.example", "old", 1, DKIM_OK);
    scene.clock.unix_s += DAY_S;
    add(&scene, "d.example", "old", 7, DKIM_OK); /* the same selector, another key */
    scene.clock.unix_s += DAY_S;
    add(&scene, "d.example", "new", 2, DKIM_OK);
    add(&scene, "d.example", "old", 0, DKIM_KEY_REVOKED);
    add(&scene, "d.example", "old", 0, DKIM_KEY_REVOKED);
    add(&scene, "d.example", "new", 0, DKIM_KEY_MISSING);
    assert_int_equal(stats_recall_domain(scene.stats, span_of("D.example."), scene.arena, &rows), 2);
    assert_true(span_is(rows[0].selector, "old"));
    assert_int_equal(rows[0].first_seen_s, START_S + DAY_S);
    assert_int_equal(rows[0].last_seen_s, START_S + 2 * DAY_S);
    assert_int_equal(rows[0].recent_failures, 2);
    assert_true(span_is(span_first(rows[0].fingerprint, 4), "0707"));
    assert_true(span_is(rows[1].selector, "new"));
    assert_int_equal(rows[1].recent_failures, 1);
    assert_int_equal(stats_recall_domain(scene.stats, span_of("unknown.example"), scene.arena, &rows), 0);
    assert_int_equal(stats_recall_domain(NULL, span_of("d.example"), scene.arena, &rows), 0);
    scene_end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_failing_domains_come_back),
        cmocka_unit_test(the_mail_of_all_is_summed_up),
        cmocka_unit_test(one_forwarder_is_told),
        cmocka_unit_test(selectors_have_their_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
