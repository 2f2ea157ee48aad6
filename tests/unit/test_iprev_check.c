#include "verifier/iprev_check.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include "tests/support/exact.h"
#include "tests/support/late_dns.h"
#include "verifier/dns_zone.h"

static const char zone_text[] =
    "1.2.0.192.in-addr.arpa. PTR mx.example.com.\n"
    "mx.example.com. A 192.0.2.1\n"
    "mx.example.com. AAAA 2001:db8::1\n"
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mx.example.com.\n"
    "2.2.0.192.in-addr.arpa. PTR mx.example.com.\n" /* mismatch */
    "3.2.0.192.in-addr.arpa. PTR nowhere.example.com.\n"
    "4.2.0.192.in-addr.arpa. PTR fails.example.com.\n"
    "5.2.0.192.in-addr.arpa. PTR fails.example.com.\n"
    "5.2.0.192.in-addr.arpa. PTR third.example.com.\n"
    "third.example.com. A 192.0.2.5\n"
    "7.2.0.192.in-addr.arpa. TXT \"no PTR here\"\n"
    "9.2.0.192.in-addr.arpa. PTR a.example.com.\n"
    "9.2.0.192.in-addr.arpa. PTR b.example.com.\n"
    "9.2.0.192.in-addr.arpa. PTR c.example.com.\n"
    "9.2.0.192.in-addr.arpa. PTR d.example.com.\n"
    "9.2.0.192.in-addr.arpa. PTR e.example.com.\n"
    "9.2.0.192.in-addr.arpa. PTR f.example.com.\n"
    "f.example.com. A 192.0.2.9\n"
    "10.2.0.192.in-addr.arpa. PTR bad\\(name.example.com.\n"
    "bad\\(name.example.com. A 192.0.2.10\n";
static const char faults_text[] =
    "{\"fails.example.com A\": \"servfail\", \"6.2.0.192.in-addr.arpa PTR\": \"servfail\","
    " \"8.2.0.192.in-addr.arpa PTR\": \"timeout\"}";

static const struct {
    const char *address, *text;
    enum auth_result result;
    const char *name;
} rows[] = {
    {"192.0.2.1", "192.0.2.1", RESULT_PASS, "mx.example.com"},
    {"2001:db8::1", "2001:db8::1", RESULT_PASS, "mx.example.com"},
    {"::ffff:192.0.2.1", "192.0.2.1", RESULT_PASS, "mx.example.com"}, /* an IPv4 client on an IPv6 socket */
    {"192.0.2.2", "192.0.2.2", RESULT_FAIL, ""},
    {"192.0.2.3", "192.0.2.3", RESULT_FAIL, ""}, /* 2.7.3: forward lookup without result */
    {"192.0.2.4", "192.0.2.4", RESULT_TEMPERROR, ""},
    {"192.0.2.5", "192.0.2.5", RESULT_PASS, "third.example.com"},
    {"192.0.2.6", "192.0.2.6", RESULT_TEMPERROR, ""},
    {"192.0.2.7", "192.0.2.7", RESULT_PERMERROR, ""}, /* 2.7.3: no PTR, by NODATA or NXDOMAIN */
    {"2001:db8::2", "2001:db8::2", RESULT_PERMERROR, ""},
    {"192.0.2.8", "192.0.2.8", RESULT_TEMPERROR, ""},
    {"192.0.2.9", "192.0.2.9", RESULT_FAIL, ""},   /* only five names are looked at */
    {"192.0.2.10", "192.0.2.10", RESULT_FAIL, ""}, /* no host name: never shown */
};

struct stage {
    struct dns_zone *zone;
    struct late_dns dns;
    struct iprev_check *check;
    unsigned done;
};

static void count_done(void *owner) {
    struct stage *stage = owner;
    stage->done++;
}

static void set_up(struct stage *stage, bool is_late) {
    char *error = NULL;
    *stage = (struct stage){.zone = dns_zone_create()};
    assert_true(dns_zone_add_text(stage->zone, "zone", span_of(zone_text), &error));
    assert_true(dns_zone_add_faults_text(stage->zone, "faults", span_of(faults_text), &error));
    late_dns_init(&stage->dns, dns_zone_source(stage->zone), is_late);
    stage->check = iprev_check_create(&stage->dns.source);
    assert_non_null(stage->check);
}

static void tear_down(struct stage *stage) {
    iprev_check_destroy(stage->check);
    assert_int_equal(stage->dns.waiting_count, 0);
    dns_zone_destroy(stage->zone);
}

static enum iprev_progress begin(struct stage *stage, const char *text) {
    uint8_t address[16];
    bool is_v4 = strchr(text, ':') == NULL;
    assert_int_equal(inet_pton(is_v4 ? AF_INET : AF_INET6, text, address), 1);
    struct span exact = exact_copy((struct span){(const char *)address, is_v4 ? 4 : 16});
    enum iprev_progress progress =
        iprev_check_begin(stage->check, (const uint8_t *)exact.ptr, is_v4, count_done, stage);
    exact_free(exact);
    return progress;
}

static void expect_row(size_t i, const struct iprev_result *got) {
    if (!got->is_evaluated || got->result != rows[i].result || !span_is(got->address, rows[i].text) ||
        !span_is(got->name, rows[i].name))
        fail_msg("%s: %s, %.*s (%.*s)", rows[i].address, auth_result_word(got->result), (int)got->name.len,
                 got->name.ptr, (int)got->address.len, got->address.ptr);
}

static void each_row_at_once(void **state) {
    (void)state;
    struct stage stage;
    set_up(&stage, false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        late_dns_forget(&stage.dns);
        assert_int_equal(begin(&stage, rows[i].address), IPREV_DONE);
        expect_row(i, iprev_check_result(stage.check));
        assert_true(stage.dns.lookups <= 6);
    }
    assert_int_equal(stage.done, 0);
    tear_down(&stage);
}

static void each_row_late(void **state) {
    (void)state;
    struct stage stage;
    set_up(&stage, true);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int newest = 0; newest < 2; newest++) {
            bool is_done = begin(&stage, rows[i].address) == IPREV_DONE;
            stage.done = 0;
            while (!is_done && stage.done == 0 && late_dns_answer(&stage.dns, newest)) {}
            assert_int_equal(stage.done, 1);
            assert_int_equal(stage.dns.waiting_count, 0);
            expect_row(i, iprev_check_result(stage.check));
        }
    tear_down(&stage);
}

/* After no answer, and after that of the PTR. */
static void expiry_is_temporary_and_silent(void **state) {
    (void)state;
    struct stage stage;
    set_up(&stage, true);
    for (int answers = 0; answers < 2; answers++) {
        assert_int_equal(begin(&stage, "192.0.2.9"), IPREV_PENDING);
        for (int n = 0; n < answers; n++) late_dns_answer(&stage.dns, false);
        assert_int_equal(stage.dns.waiting_count, answers == 0 ? 1 : 5);
        iprev_check_expire(stage.check);
        assert_int_equal(iprev_check_result(stage.check)->result, RESULT_TEMPERROR);
        assert_int_equal(stage.dns.waiting_count, 0);
        iprev_check_expire(stage.check);
    }
    assert_int_equal(stage.done, 0);
    tear_down(&stage);
}

static void begin_and_destroy_cancel(void **state) {
    (void)state;
    struct stage stage;
    set_up(&stage, true);
    begin(&stage, "192.0.2.9");
    begin(&stage, "192.0.2.1");
    assert_int_equal(stage.dns.waiting_count, 1);
    late_dns_answer(&stage.dns, false);
    begin(&stage, "192.0.2.9");
    late_dns_answer(&stage.dns, false);
    assert_int_equal(stage.dns.waiting_count, 5);
    tear_down(&stage);
    assert_int_equal(stage.done, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_at_once),
        cmocka_unit_test(each_row_late),
        cmocka_unit_test(expiry_is_temporary_and_silent),
        cmocka_unit_test(begin_and_destroy_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
