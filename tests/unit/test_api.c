#include "http/api.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static void expect(struct bytes *out, const char *want) {
    bytes_append_char(out, '\0');
    assert_string_equal(out->ptr, want);
    bytes_release(out);
}

static void domains_are_listed_with_the_rest(void **state) {
    (void)state;
    struct domain_stats *stats = domain_stats_create(10, &clock_system);
    struct domain_stats_worker *worker = domain_stats_worker_create(stats);
    for (int i = 0; i < 3; i++) domain_stats_add(worker, span_of("a.example"), true, DOMAIN_PASS);
    domain_stats_add(worker, span_of("b.example"), true, DOMAIN_FAIL);
    domain_stats_add(worker, span_of("b.example"), true, DOMAIN_OTHER);
    domain_stats_add(worker, span_of("c.example"), true, DOMAIN_FAIL);
    domain_stats_add(worker, span_of("unknown.example"), false, DOMAIN_OTHER);
    struct bytes out = bytes_with_cap(10000);
    assert_true(api_write_domains(stats, DOMAIN_BY_FAILURES, 2, &out));
    expect(&out, "{\"tracked\":3,\"evicted\":0,\"sort\":\"fail\",\"total\":{\"messages\":7,\"pass\":3,\"fail\":2,\"other\":2},"
                 "\"domains\":[{\"domain\":\"b.example\",\"messages\":2,\"pass\":0,\"fail\":1,\"other\":1},"
                 "{\"domain\":\"c.example\",\"messages\":1,\"pass\":0,\"fail\":1,\"other\":0}],"
                 "\"rest\":{\"messages\":4,\"pass\":3,\"fail\":0,\"other\":1}}\n");
    assert_true(api_write_domains(stats, DOMAIN_BY_SIGNATURES, 1, &out));
    expect(&out, "{\"tracked\":3,\"evicted\":0,\"sort\":\"messages\",\"total\":{\"messages\":7,\"pass\":3,\"fail\":2,\"other\":2},"
                 "\"domains\":[{\"domain\":\"a.example\",\"messages\":3,\"pass\":3,\"fail\":0,\"other\":0}],"
                 "\"rest\":{\"messages\":4,\"pass\":0,\"fail\":2,\"other\":2}}\n");
    domain_stats_destroy(stats);
}

static void version_and_problems(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(1000);
    assert_true(api_write_version(&(struct build_info){"0.1.0", NULL, "3.0.22", "1.17.1"}, &out));
    expect(&out, "{\"name\":\"sceau\",\"version\":\"0.1.0\",\"revision\":null,\"openssl\":\"3.0.22\",\"unbound\":\"1.17.1\"}\n");
    assert_true(api_write_problem(404, "Not Found", "no page of this name", &out));
    expect(&out, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":\"no page of this name\"}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_are_listed_with_the_rest),
        cmocka_unit_test(version_and_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
