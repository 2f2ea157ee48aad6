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

static void version_and_problems(void **state) {
    (void)state;
    struct bytes out = bytes_with_cap(1000);
    assert_true(api_write_version(&(struct build_info){"0.1.0", NULL, "3.0.22", "1.17.1"}, &out));
    expect(&out, "{\"name\":\"sceau\",\"version\":\"0.1.0\",\"revision\":null,\"openssl\":\"3.0.22\",\"unbound\":\"1.17.1\"}\n");
    assert_true(api_write_problem(404, "Not Found", "no page of this name", NULL, &out));
    expect(&out, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":\"no page of this name\"}\n");
    assert_true(api_write_problem(400, "Bad Request", "limit is a number", "query parameter limit", &out));
    expect(&out, "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"detail\":\"limit is a number\","
                 "\"where\":\"query parameter limit\"}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_and_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
