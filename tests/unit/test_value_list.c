#include "rules/value_list.h" /* first, so the header is proved to stand alone */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "verifier/domain_name.h"
#include "tests/support/exact.h"

static struct value_list *list_of(const char *text, enum value_list_kind kind) {
    struct value_list_error error;
    struct span exact = exact_copy(span_of(text));
    struct value_list *list = value_list_read(exact, "test", kind, &error);
    exact_free(exact);
    if (list == NULL) fail_msg("%s", error.text);
    return list;
}

static const struct { const char *name; bool is_in, is_below; } domain_rows[] = {
    {"mabanque.fr", true, true},
    {"www.mabanque.fr", false, true},
    {"a.b.mabanque.fr", false, true},
    {"xmabanque.fr", false, false},
    {"fr", false, false},
    {"", false, false},
    {"example.com", true, true}, /* .example.com: itself ... */
    {"www.example.com", true, true}, /* ... and below */
    {"a.b.c.example.com", true, true},
    {"anexample.com", false, false},
    {"xn--bcher-kva.example", true, true},
    {"comment.example", true, true},
    {"local", true, true},
    {"host.local", false, true},
};

static void domains_are_in_with_what_lies_below(void **state) {
    struct value_list *list = list_of("# banks\r\n\r\n  MaBanque.FR.  \r\n.example.com # and below\nb\xc3\xbc" "cher.example\n"
                                      "comment.example\t# twice\ncomment.EXAMPLE\n#local2\nlocal", VALUE_LIST_DOMAINS);
    (void)state;
    assert_int_equal(value_list_count(list), 5);
    for (size_t i = 0; i < sizeof domain_rows / sizeof *domain_rows; i++) {
        struct span name = exact_copy(span_of(domain_rows[i].name));
        if (value_list_has_domain(list, name) != domain_rows[i].is_in ||
            value_list_has_domain_or_above(list, name) != domain_rows[i].is_below)
            fail_msg("%s", domain_rows[i].name);
        exact_free(name);
    }
    char longest[DOMAIN_NAME_MAX + 1];
    memset(longest, 'a', sizeof longest);
    assert_false(value_list_has_domain(list, (struct span){longest, sizeof longest}));
    assert_false(value_list_has(list, span_of("mabanque.fr"))); /* not of that kind */
    assert_false(value_list_has_address(list, (const uint8_t[]){127, 0, 0, 1}, true));
    value_list_destroy(list);
}

static const struct { const char *name; bool is_in; } mailbox_rows[] = {
    {"ceo@mabanque.fr", true}, {"CEO@MaBanque.fr", true}, {"cfo@mabanque.fr", false}, {"x@example.com", true},
    {"x@y@example.com", true}, {"x@www.example.com", false}, {"@example.com", true}, {"ceo", false}, {"", false}, {"@", false},
    {"j\xc3\xb6@xn--bcher-kva.example", true},
};

static void mailboxes_are_in_with_everybody_of_a_domain(void **state) {
    struct value_list *list = list_of("Ceo@mabanque.fr\n@example.com\nj\xc3\xb6@b\xc3\xbc" "cher.example\n", VALUE_LIST_MAILBOXES);
    (void)state;
    for (size_t i = 0; i < sizeof mailbox_rows / sizeof *mailbox_rows; i++) {
        struct span name = exact_copy(span_of(mailbox_rows[i].name));
        if (value_list_has(list, name) != mailbox_rows[i].is_in) fail_msg("%s", mailbox_rows[i].name);
        exact_free(name);
    }
    value_list_destroy(list);
}

static void words_are_in_without_their_case(void **state) {
    struct value_list *list = list_of("Buy Now\nC#\n\xff\xfe\n", VALUE_LIST_WORDS);
    (void)state;
    assert_true(value_list_has(list, span_of("buy NOW")));
    assert_true(value_list_has(list, span_of("c#")));
    assert_true(value_list_has(list, span_of("\xff\xfe")));
    assert_false(value_list_has(list, span_of("buy")));
    assert_false(value_list_has(list, (struct span){NULL, 0}));
    assert_false(value_list_has_domain(list, span_of("c#")));
    value_list_destroy(list);
    list = list_of("", VALUE_LIST_WORDS);
    assert_int_equal(value_list_count(list), 0);
    assert_false(value_list_has(list, span_of("buy")));
    value_list_destroy(list);
}

static const struct { const char *address; bool is_in; } address_rows[] = {
    {"192.0.2.0", true}, {"192.0.2.255", true}, {"192.0.3.0", false}, {"192.0.1.255", false}, {"10.1.2.3", true}, {"10.1.2.4", false},
    {"0.0.0.0", false}, {"255.255.255.255", true}, {"198.51.100.77", true}, {"::ffff:192.0.2.9", true}, {"::ffff:10.1.2.4", false},
    {"2001:db8::", true}, {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true}, {"2001:db9::", false}, {"2001:db7:ffff::", false},
    {"::1", true}, {"::", false}, {"::2", false}, {"203.0.113.5", true}, {"203.0.113.9", false}, {"fe80::1", true},
};

static void addresses_are_in_networks(void **state) {
    struct value_list *list = list_of("2001:db8::/32\n192.0.2.0/24\n10.1.2.3\n192.0.2.64/26 # inside another\n::1\n255.255.255.255\n"
                                      "198.51.100.0/25\n198.51.100.64/26\n::ffff:203.0.113.4/127\nfe80::/10\n2001:db8:1::/48\n",
                                      VALUE_LIST_NETWORKS);
    (void)state;
    for (size_t i = 0; i < sizeof address_rows / sizeof *address_rows; i++) {
        uint8_t address[16];
        bool is_v4 = strchr(address_rows[i].address, ':') == NULL;
        assert_int_equal(inet_pton(is_v4 ? AF_INET : AF_INET6, address_rows[i].address, address), 1);
        if (value_list_has_address(list, address, is_v4) != address_rows[i].is_in) fail_msg("%s", address_rows[i].address);
    }
    assert_int_equal(value_list_count(list), 8);
    value_list_destroy(list);
    list = list_of("0.0.0.0/0\n::/0\n", VALUE_LIST_NETWORKS);
    assert_true(value_list_has_address(list, (const uint8_t[]){255, 255, 255, 255}, true));
    assert_true(value_list_has_address(list, (const uint8_t[16]){0}, false));
    value_list_destroy(list);
}

static const struct { const char *text; enum value_list_kind kind; const char *want; } wrong[] = {
    {"ok.example\n\nbad domain\n", VALUE_LIST_DOMAINS, "test:3: no domain name"},
    {"..example", VALUE_LIST_DOMAINS, "test:1: no domain name"},
    {".", VALUE_LIST_DOMAINS, "test:1: no domain name"},
    {"a@b.example\r\nuser\r\n", VALUE_LIST_MAILBOXES, "test:2: no mailbox"},
    {"a@", VALUE_LIST_MAILBOXES, "test:1: no domain name behind the @"},
    {"10.0.0.0/33", VALUE_LIST_NETWORKS, "test:1: no address or network"},
    {"10.0.0.1/8", VALUE_LIST_NETWORKS, "test:1: no address or network"},
    {"mx.example", VALUE_LIST_NETWORKS, "test:1: no address or network"},
};

static void what_is_wrong_is_named_with_its_line(void **state) {
    struct value_list_error error;
    char large[VALUE_LIST_ENTRY_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct value_list *list = value_list_read(span_of(wrong[i].text), "test", wrong[i].kind, &error);
        if (list != NULL || strncmp(error.text, wrong[i].want, strlen(wrong[i].want)) != 0)
            fail_msg("\"%s\": %s", wrong[i].text, list != NULL ? "read" : error.text);
    }
    memset(large, 'x', sizeof large);
    assert_null(value_list_read((struct span){large, sizeof large}, "test", VALUE_LIST_WORDS, &error));
    assert_string_equal(error.text, "test:1: longer than 320 octets");
    struct value_list *list = value_list_read((struct span){large, sizeof large - 1}, "test", VALUE_LIST_WORDS, &error);
    assert_true(value_list_has(list, (struct span){large, sizeof large - 1}));
    value_list_destroy(list);
    assert_null(value_list_read((struct span){"10.0.0.1\0", 9}, "test", VALUE_LIST_NETWORKS, &error));
    assert_null(value_list_load("/nonexistent/list", VALUE_LIST_WORDS, &error));
    assert_string_equal(error.text, "/nonexistent/list: No such file or directory");
    assert_null(value_list_load("/", VALUE_LIST_WORDS, &error));
    assert_string_equal(error.text, "/: not a regular file");
    assert_int_equal(error.line, 0);
}

/* From a file, as many entries as a list of a large provider has. */
static void a_million_entries_are_found_again(void **state) {
    enum { ENTRIES = 1000000 };
    char path[] = "/tmp/sceau-test-list-XXXXXX", name[40];
    struct value_list_error error;
    (void)state;
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    for (unsigned i = 0; i < ENTRIES; i++) fprintf(file, "host%u.zone%u.example\n", i * 2654435761u, i % 1000);
    assert_int_equal(fclose(file), 0);
    struct value_list *list = value_list_load(path, VALUE_LIST_DOMAINS, &error);
    unlink(path);
    if (list == NULL) fail_msg("%s", error.text);
    assert_int_equal(value_list_count(list), ENTRIES);
    for (unsigned i = 0; i < ENTRIES; i += 37) {
        (void)snprintf(name, sizeof name, "host%u.zone%u.example", i * 2654435761u, i % 1000);
        if (!value_list_has_domain(list, span_of(name))) fail_msg("%s is missing", name);
        (void)snprintf(name, sizeof name, "host%u.zone%u.example", i * 2654435761u, i % 1000 + 1);
        if (value_list_has_domain(list, span_of(name))) fail_msg("%s is there", name);
    }
    print_message("%zu octets\n", value_list_octets(list));
    value_list_destroy(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_are_in_with_what_lies_below),
        cmocka_unit_test(mailboxes_are_in_with_everybody_of_a_domain),
        cmocka_unit_test(words_are_in_without_their_case),
        cmocka_unit_test(addresses_are_in_networks),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(a_million_entries_are_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
