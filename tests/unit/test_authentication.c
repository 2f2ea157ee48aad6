#include "verifier/authentication.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "tests/support/fake_keys.h"
#include "tests/support/late_dns.h"
#include "tests/support/signer.h"
#include "verifier/dns_zone.h"

static const char zone_text[] = "d.example. TXT \"v=spf1 include:_spf.d.example -all\"\n"
                                "_spf.d.example. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
                                "_dmarc.d.example. TXT \"v=DMARC1; p=reject\"\n"
                                "mail.d.example. TXT \"v=spf1 a -all\"\n"
                                "mail.d.example. A 192.0.2.1\n"
                                "1.2.0.192.in-addr.arpa. PTR mail.d.example.\n";
static const char plain[] = "From: a@d.example\r\nTo: b@e.example\r\nSubject: s\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\nbody\r\n";

/* One world for each test: a zone, a key, one authentication. */
struct world {
    struct dns_zone *zone;
    struct late_dns dns;
    struct fake_keys keys;
    struct signer *signer;
    struct span message; /* signed for d.example */
    struct clock_fixed clock;
    struct authentication *authentication;
    unsigned done;
};

static void done(void *owner) { ((struct world *)owner)->done++; }

static const struct authentication_envelope client = {.has_address = true, .address = {192, 0, 2, 1}, .is_v4 = true,
                                                      .helo = {"mail.d.example", 14}, .mail_from = {"a@d.example", 11}};

static struct world *world_create(bool is_late) {
    struct world *world = calloc(1, sizeof *world);
    char *error = NULL;
    world->zone = dns_zone_create();
    assert_true(dns_zone_add_text(world->zone, "zone", span_of(zone_text), &error));
    late_dns_init(&world->dns, dns_zone_source(world->zone), is_late);
    world->signer = signer_create_ed25519();
    world->message = signer_sign(world->signer, &(struct signing){.domain = "d.example"}, span_of(plain));
    fake_keys_init(&world->keys);
    world->keys.answers = is_late ? FAKE_LATE : FAKE_AT_ONCE;
    fake_keys_add(&world->keys, "sel._domainkey.d.example", signer_record(world->signer), DNS_FOUND);
    world->clock = clock_fixed_at(1704067200);
    struct authentication_setup setup = {.policy = &verifier_policy_default, .keys = &world->keys.source, .dns = &world->dns.source,
                                         .clock = &world->clock.clock, .receiver = span_of("mx.example")};
    world->authentication = authentication_create(&setup);
    assert_non_null(world->authentication);
    return world;
}

static void world_destroy(struct world *world) {
    authentication_destroy(world->authentication);
    assert_int_equal(world->dns.waiting_count, 0);
    assert_true(list_is_empty(&world->keys.waiting));
    dns_zone_destroy(world->zone);
    signer_destroy(world->signer);
    free((void *)(uintptr_t)world->message.ptr);
    free(world);
}

static enum verifier_progress send(struct world *world, const struct authentication_envelope *envelope) {
    world->done = 0;
    authentication_begin(world->authentication, envelope, done, world);
    assert_int_equal(authentication_update(world->authentication, world->message), VERIFIER_MORE);
    return authentication_end(world->authentication);
}

static bool nothing_waits(const struct world *world) {
    return world->dns.waiting_count == 0 && list_is_empty(&world->keys.waiting);
}

static void expect_all_pass(const struct world *world) {
    const struct message_result *result = authentication_result(world->authentication);
    assert_int_equal(result->dkim_count, 1);
    assert_int_equal(result->dkim[0].result, RESULT_PASS);
    assert_true(result->arc.is_evaluated && result->arc.result == RESULT_NONE);
    for (size_t scope = 0; scope < SPF_SCOPE_COUNT; scope++)
        assert_true(result->spf[scope].is_evaluated && result->spf[scope].result == RESULT_PASS);
    assert_string_equal(spf_code_word(result->spf[SPF_MAIL_FROM].code), "matched");
    assert_true(result->dmarc.is_evaluated && result->dmarc.dkim_aligned && result->dmarc.spf_aligned);
    assert_int_equal(result->dmarc.result, RESULT_PASS);
    assert_int_equal(result->dmarc.policy, DMARC_POLICY_REJECT);
    assert_true(result->iprev.is_evaluated && span_is(result->iprev.name, "mail.d.example"));
    assert_int_equal(result->iprev.result, RESULT_PASS);
}

static void answers_at_once_end_with_the_message(void **state) {
    (void)state;
    struct world *world = world_create(false);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(send(world, &client), VERIFIER_DONE);
        expect_all_pass(world);
        assert_int_equal(world->done, 0);
    }
    world_destroy(world);
}

/* All that waits is answered, once: what one round trip of the network does. */
static void answer_round(struct world *world) {
    size_t waiting = world->dns.waiting_count;
    fake_keys_answer(&world->keys);
    while (waiting-- > 0) assert_true(late_dns_answer(&world->dns, false));
}

static void late_answers_overlap(void **state) {
    (void)state;
    struct world *world = world_create(true);
    unsigned rounds = 0;
    assert_int_equal(send(world, &client), VERIFIER_MORE);
    for (; world->done == 0; rounds++) {
        assert_false(nothing_waits(world));
        answer_round(world);
    }
    expect_all_pass(world);
    assert_int_equal(world->done, 1);
    assert_true(nothing_waits(world));
    assert_int_equal(rounds, 2); /* keys, SPF with its include, the DMARC walk, PTR and address */
    assert_true(world->dns.lookups + world->keys.lookups >= 8);
    world_destroy(world);
}

static void the_order_of_answers_does_not_matter(void **state) {
    (void)state;
    struct world *world = world_create(true);
    uint32_t seed = 7;
    for (int round = 0; round < 500; round++) {
        bool has_ended = false;
        size_t sent = 0;
        world->done = 0;
        authentication_begin(world->authentication, &client, done, world);
        while (world->done == 0) {
            uint32_t dice = (seed = seed * 1664525u + 1013904223u) >> 16;
            if (sent < world->message.len && dice % 3 == 0) {
                size_t len = dice % 97 < world->message.len - sent ? dice % 97 : world->message.len - sent;
                authentication_update(world->authentication, (struct span){world->message.ptr + sent, len});
                sent += len;
            } else if (sent == world->message.len && !has_ended) {
                has_ended = true;
                if (authentication_end(world->authentication) == VERIFIER_DONE) break;
            } else if (dice % 5 == 0) {
                fake_keys_answer(&world->keys);
            } else {
                late_dns_answer(&world->dns, dice & 8);
            }
        }
        assert_true(has_ended && world->done <= 1);
        expect_all_pass(world);
    }
    world_destroy(world);
}

/* rounds of answers come, and then none any more. */
static void expire_after(struct world *world, unsigned rounds) {
    assert_int_equal(send(world, &client), VERIFIER_MORE);
    while (rounds-- > 0) answer_round(world);
    authentication_expire(world->authentication);
    assert_int_equal(world->done, 0);
    assert_true(nothing_waits(world));
}

static void what_is_open_when_time_is_up_is_temperror(void **state) {
    (void)state;
    struct world *world = world_create(true);
    const struct message_result *result = authentication_result(world->authentication);
    expire_after(world, 0);
    assert_int_equal(result->dkim[0].result, RESULT_TEMPERROR);
    assert_int_equal(result->spf[SPF_HELO].result, RESULT_TEMPERROR);
    assert_int_equal(result->spf[SPF_MAIL_FROM].code, SPF_DNS_TIMEOUT);
    assert_true(result->dmarc.is_evaluated && result->iprev.is_evaluated);
    assert_int_equal(result->dmarc.result, RESULT_TEMPERROR);
    assert_int_equal(result->iprev.result, RESULT_TEMPERROR);
    expire_after(world, 1); /* the signature proves the author, whatever becomes of SPF's include */
    assert_int_equal(result->dkim[0].result, RESULT_PASS);
    assert_int_equal(result->spf[SPF_MAIL_FROM].result, RESULT_TEMPERROR);
    assert_int_equal(result->dmarc.result, RESULT_PASS);
    assert_int_equal(result->iprev.result, RESULT_TEMPERROR);
    authentication_expire(world->authentication); /* changes nothing any more */
    assert_int_equal(result->dmarc.result, RESULT_PASS);
    world_destroy(world);
}

static void a_new_message_forgets_the_one_before(void **state) {
    (void)state;
    struct world *world = world_create(true);
    for (unsigned rounds = 0; rounds < 2; rounds++) {
        assert_int_equal(send(world, &client), VERIFIER_MORE);
        for (unsigned i = 0; i < rounds; i++) answer_round(world);
        assert_int_equal(send(world, &client), VERIFIER_MORE);
        while (world->done == 0) answer_round(world);
        expect_all_pass(world);
        answer_round(world);
        assert_int_equal(world->done, 1);
    }
    /* given up in the middle of the message, and then destroyed while everything waits */
    authentication_begin(world->authentication, &client, done, world);
    authentication_update(world->authentication, span_first(world->message, world->message.len - 3));
    world_destroy(world);
}

static void without_an_envelope_only_the_message_speaks(void **state) {
    (void)state;
    struct world *world = world_create(false);
    const struct message_result *result = authentication_result(world->authentication);
    assert_int_equal(send(world, NULL), VERIFIER_DONE);
    assert_int_equal(world->dns.lookups, 0);
    assert_true(result->dkim[0].result == RESULT_PASS && result->arc.is_evaluated);
    assert_false(result->dmarc.is_evaluated || result->iprev.is_evaluated);
    assert_false(result->spf[SPF_HELO].is_evaluated || result->spf[SPF_MAIL_FROM].is_evaluated);

    struct authentication_envelope envelope = client; /* the client is not known: DKIM alone feeds DMARC */
    envelope.has_address = false;
    assert_int_equal(send(world, &envelope), VERIFIER_DONE);
    assert_true(result->dmarc.is_evaluated && result->dmarc.result == RESULT_PASS && !result->dmarc.spf_aligned);
    assert_false(result->iprev.is_evaluated || result->spf[SPF_HELO].is_evaluated || result->spf[SPF_MAIL_FROM].is_evaluated);

    envelope = client; /* the null sender: HELO alone speaks */
    envelope.mail_from = span_of("");
    assert_int_equal(send(world, &envelope), VERIFIER_DONE);
    assert_true(result->spf[SPF_HELO].is_evaluated && !result->spf[SPF_MAIL_FROM].is_evaluated);
    assert_true(result->dmarc.spf_aligned);
    world_destroy(world);
}

static void without_dns_nothing_is_asked(void **state) {
    (void)state;
    struct world *world = world_create(false);
    struct authentication_setup setup = {.policy = &verifier_policy_default, .keys = &world->keys.source,
                                         .clock = &world->clock.clock};
    authentication_destroy(world->authentication);
    world->authentication = authentication_create(&setup);
    assert_int_equal(send(world, &client), VERIFIER_DONE);
    assert_int_equal(world->dns.lookups, 0);
    assert_false(authentication_result(world->authentication)->dmarc.is_evaluated);
    world_destroy(world);
}

static void a_refused_header_section_ends_it(void **state) {
    (void)state;
    struct world *world = world_create(true);
    struct bytes large = bytes_with_cap(1 << 20);
    bytes_append_text(&large, "X: ");
    while (large.len < verifier_policy_default.header.field_max + 100) bytes_append_text(&large, "xxxxxxxxxxxxxxxx");
    authentication_begin(world->authentication, &client, done, world);
    assert_int_equal(authentication_update(world->authentication, bytes_span(&large)), VERIFIER_REFUSED);
    while (!nothing_waits(world)) answer_round(world); /* SPF and iprev answer into a message that is over */
    assert_int_equal(world->done, 0);
    assert_int_equal(send(world, &client), VERIFIER_MORE);
    while (world->done == 0) answer_round(world);
    expect_all_pass(world);
    bytes_release(&large);
    world_destroy(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_at_once_end_with_the_message),
        cmocka_unit_test(late_answers_overlap),
        cmocka_unit_test(the_order_of_answers_does_not_matter),
        cmocka_unit_test(what_is_open_when_time_is_up_is_temperror),
        cmocka_unit_test(a_new_message_forgets_the_one_before),
        cmocka_unit_test(without_an_envelope_only_the_message_speaks),
        cmocka_unit_test(without_dns_nothing_is_asked),
        cmocka_unit_test(a_refused_header_section_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
