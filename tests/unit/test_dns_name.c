#include "verifier/dns_name.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define L63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"
#define L61 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy"

/* want: the text that comes back; NULL: no name. origin: NULL, or what completes a text without final dot. */
static const struct {
    const char *text, *origin, *want;
} text_rows[] = {
    {"example.com", NULL, "example.com"},
    {"Example.COM.", NULL, "example.com"},
    {"", NULL, ""},
    {".", NULL, ""},
    {"..", NULL, NULL},
    {".a", NULL, NULL},
    {"a..b", NULL, NULL},
    {"a.b..", NULL, NULL},
    {"sel", "example.com", "sel.example.com"},
    {"sel.", "example.com", "sel"},
    {"", "example.com", "example.com"},
    {".", "example.com", ""},
    {"sel", "", "sel"},
    {"a\\.b.c", NULL, "a\\.b.c"}, /* RFC 1035 5.1: \. is no separator */
    {"a\\b", NULL, "ab"},         /* \X is X */
    {"a\\\\b", NULL, "a\\\\b"},
    {"\\065\\046.x", NULL, "a\\..x"}, /* A in lower case */
    {"a b\t\x7f\xc3\xa9", NULL, "a\\032b\\009\\127\\195\\169"},
    {"a\\.", NULL, "a\\."},
    {"a\\", NULL, NULL},
    {"a\\25", NULL, NULL},
    {"a\\256", NULL, NULL},
    {"a\\2x6", NULL, NULL},
    {"*._tcp.x", NULL, "*._tcp.x"},
    {L63, NULL, L63},
    {L63 "1", NULL, NULL},
    {L63 "." L63 "." L63 "." L61, NULL, L63 "." L63 "." L63 "." L61}, /* 253 octets of text, 255 on the wire */
    {L63 "." L63 "." L63 "." L61 ".", NULL, L63 "." L63 "." L63 "." L61},
    {L63 "." L63 "." L63 "." L61 "z", NULL, NULL},
    {L63 "." L63 "." L63 "." L61, "x", NULL},
    {L63 "." L63 "." L63 "." L61 ".a", NULL, NULL},
};

static void every_text_is_read_and_written_back(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof text_rows / sizeof *text_rows; i++) {
        size_t len = strlen(text_rows[i].text);
        char *exact = memcpy(malloc(len > 0 ? len : 1), text_rows[i].text, len), *back = malloc(DNS_NAME_TEXT_MAX);
        struct dns_name origin, *name = malloc(sizeof *name);
        if (text_rows[i].origin != NULL) assert_true(dns_name_from_text(span_of(text_rows[i].origin), NULL, &origin));
        bool good = dns_name_from_text((struct span){exact, len}, text_rows[i].origin != NULL ? &origin : NULL, name);
        if (good != (text_rows[i].want != NULL)) fail_msg("\"%s\": %s", text_rows[i].text, good ? "read" : "refused");
        if (good) {
            size_t back_len = dns_name_to_text(name, back);
            if (!span_is((struct span){back, back_len}, text_rows[i].want))
                fail_msg("\"%s\": \"%.*s\"", text_rows[i].text, (int)back_len, back);
            assert_int_equal(name->wire[name->len - 1], 0);
        }
        free(name);
        free(back);
        free(exact);
    }
}

static void the_longest_text_fits(void **state) {
    (void)state;
    char text[DNS_NAME_TEXT_MAX], back[DNS_NAME_TEXT_MAX];
    size_t len = 0;
    for (int octet = 0; octet < 250; octet++) {
        memcpy(text + len, "\\001", 4);
        len += 4;
        if (octet % 63 == 62) text[len++] = '.';
    }
    struct dns_name name;
    assert_true(dns_name_from_text((struct span){text, len}, NULL, &name));
    assert_int_equal(dns_name_to_text(&name, back), len);
    assert_memory_equal(back, text, len);
}

#define P(octets) octets, sizeof octets - 1
static const struct {
    const char *octets;
    size_t len, at;
    const char *want;
    size_t end;
} packed_rows[] = {
    {P("\3WWW\7example\0"), 0, "www.example", 13},
    {P("\0"), 0, "", 1},
    {P("\1a\0\1b\xc0\0"), 3, "b.a", 7},             /* RFC 1035 4.1.4 */
    {P("\1a\0\1b\xc0\0\1c\xc0\3"), 7, "c.b.a", 11}, /* pointer to a pointer */
    {P("\1a\0\xc0\0"), 3, "a", 5},
    {P("\xc0\0"), 0, NULL, 0},       /* to itself */
    {P("\1a\xc0\0"), 0, NULL, 0},    /* to its own label: an endless name */
    {P("\xc0\2\xc0\0"), 2, NULL, 0}, /* two pointers in a circle */
    {P("\xc0\3\0\0"), 0, NULL, 0},   /* forwards */
    {P("\1a\0\1b\xc0"), 3, NULL, 0}, /* half a pointer */
    {P("\3ab"), 0, NULL, 0},
    {P("\3abc"), 0, NULL, 0}, /* no end */
    {P("\1a"), 5, NULL, 0},
    {P(""), 0, NULL, 0},
    {P("\x40"
       "a\0"),
     0, NULL, 0}, /* label types 01 and 10 */
    {P("\x80"
       "a\0"),
     0, NULL, 0},
    {P("\3a.b\1\\\0"), 0, "a\\.b.\\\\", 7},
};

static void every_packed_name_is_read_as_wanted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof packed_rows / sizeof *packed_rows; i++) {
        size_t len = packed_rows[i].len, at = packed_rows[i].at;
        char *exact = memcpy(malloc(len > 0 ? len : 1), packed_rows[i].octets, len), back[DNS_NAME_TEXT_MAX];
        struct dns_name name;
        bool good = dns_name_unpack((struct span){exact, len}, &at, &name);
        if (good != (packed_rows[i].want != NULL)) fail_msg("row %zu: %s", i, good ? "read" : "refused");
        if (good) {
            struct span text = {back, dns_name_to_text(&name, back)};
            if (!span_is(text, packed_rows[i].want) || at != packed_rows[i].end)
                fail_msg("row %zu: \"%.*s\" ends at %zu", i, (int)text.len, text.ptr, at);
        }
        free(exact);
    }
}

static void a_packed_name_of_255_octets_fits_and_of_256_does_not(void **state) {
    (void)state;
    for (size_t last = 61; last <= 62; last++) {
        char packet[300] = "";
        size_t len = 0, at = 0;
        for (int label = 0; label < 4; label++) {
            size_t label_len = label < 3 ? 63 : last;
            packet[len++] = (char)label_len;
            memset(packet + len, 'x', label_len);
            len += label_len;
        }
        struct dns_name name;
        assert_int_equal(dns_name_unpack((struct span){packet, len + 1}, &at, &name), last == 61);
        if (last == 61) assert_int_equal(name.len, 255);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_is_read_and_written_back),
        cmocka_unit_test(the_longest_text_fits),
        cmocka_unit_test(every_packed_name_is_read_as_wanted),
        cmocka_unit_test(a_packed_name_of_255_octets_fits_and_of_256_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
