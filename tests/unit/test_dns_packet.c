#include "verifier/dns_packet.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"

enum { ANSWER = 1, AUTHORITY = 2, TYPE_SOA = 6, TYPE_RRSIG = 46 };

/* A packet is written octet by octet here, with names uncompressed unless a test wants otherwise. */
static struct bytes packet;

static void put_u16(unsigned value) {
    bytes_append_char(&packet, (char)(value >> 8));
    bytes_append_char(&packet, (char)value);
}

static void put_name(const char *text) {
    struct dns_name name;
    assert_true(dns_name_from_text(span_of(text), NULL, &name));
    bytes_append(&packet, (struct span){(char *)name.wire, name.len});
}

static void start(const char *name, unsigned type, unsigned rcode) {
    bytes_release(&packet);
    packet = bytes_with_cap(65535);
    put_u16(0);
    put_u16(0x8180 | rcode);
    put_u16(1);
    for (int i = 0; i < 3; i++) put_u16(0);
    put_name(name);
    put_u16(type);
    put_u16(1);
}

/* Starts a record in section; its data is appended by the caller and ended by end_record. */
static size_t data_at;
static void start_record(int section, const char *owner, unsigned type, uint32_t ttl_s) {
    unsigned char *count = (unsigned char *)packet.ptr + 4 + 2 * section;
    if (++count[1] == 0) count[0]++;
    put_name(owner);
    put_u16(type);
    put_u16(1);
    put_u16(ttl_s >> 16);
    put_u16(ttl_s & 0xffff);
    put_u16(0);
    data_at = packet.len;
}
static void end_record(void) {
    size_t len = packet.len - data_at;
    packet.ptr[data_at - 2] = (char)(len >> 8);
    packet.ptr[data_at - 1] = (char)len;
}

static void put_cname(const char *owner, uint32_t ttl_s, const char *target) {
    start_record(ANSWER, owner, DNS_CNAME, ttl_s);
    put_name(target);
    end_record();
}

static void put_string(const char *text, size_t len) {
    bytes_append_char(&packet, (char)len);
    bytes_append(&packet, (struct span){text, len});
}

static void put_txt(const char *owner, uint32_t ttl_s, const char *text) {
    start_record(ANSWER, owner, DNS_TXT, ttl_s);
    put_string(text, strlen(text));
    end_record();
}

static void put_soa(uint32_t ttl_s, uint32_t minimum_s) {
    start_record(AUTHORITY, "example", TYPE_SOA, ttl_s);
    put_name("ns.example");
    put_name("hostmaster.example");
    for (int i = 0; i < 8; i++) put_u16(7);
    put_u16(minimum_s >> 16);
    put_u16(minimum_s & 0xffff);
    end_record();
}

static struct arena *arena;
static struct dns_answer answer;

static enum dns_packet_status read_as(struct span octets, const char *text, enum dns_type type) {
    struct dns_name name;
    assert_true(dns_name_from_text(span_of(text), NULL, &name));
    char *exact = memcpy(malloc(octets.len > 0 ? octets.len : 1), octets.ptr, octets.len);
    arena_reset(arena);
    enum dns_packet_status status = dns_packet_read((struct span){exact, octets.len}, &name, type, arena, &answer);
    free(exact); /* the answer must not borrow from it */
    if (status != DNS_PACKET_OK) assert_int_equal(answer.status, DNS_SERVFAIL);
    return status;
}

static void reads_as(const char *text, enum dns_type type, enum dns_status want) {
    enum dns_packet_status status = read_as(bytes_span(&packet), text, type);
    if (status != DNS_PACKET_OK) fail_msg("%s: %s", text, dns_packet_status_text(status));
    assert_string_equal(dns_status_word(answer.status), dns_status_word(want));
}

static void text_strings_are_joined(void **state) { /* RFC 6376 3.6.2.2 */
    (void)state;
    start("s._domainkey.Example", DNS_TXT, 0);
    start_record(ANSWER, "S._DOMAINKEY.example", DNS_TXT, 300);
    put_string("v=DKIM1; p=", 11);
    put_string("", 0);
    put_string("A\0B", 3);
    end_record();
    put_txt("s._domainkey.example", 200, "two");
    start_record(ANSWER, "s._domainkey.example", DNS_TXT, 300);
    put_string("", 0);
    end_record();
    put_txt("other.example", 1, "not ours");
    reads_as("s._domainkey.example", DNS_TXT, DNS_FOUND);
    assert_int_equal(answer.record_count, 3);
    assert_true(span_equal(answer.record[0], (struct span){"v=DKIM1; p=A\0B", 14}));
    assert_true(span_equal(answer.strings[0], (struct span){"\13\0\3", 3}));
    assert_true(span_is(answer.record[1], "two"));
    assert_true(answer.record[2].len == 0 && answer.record[2].ptr != NULL);
    assert_int_equal(answer.ttl_s, 200);
    assert_int_equal(answer.dnssec, DNSSEC_INDETERMINATE);
}

static void the_chain_is_followed_in_any_order(void **state) { /* RFC 1034 3.6.2 */
    (void)state;
    start("a.example", DNS_TXT, 0);
    put_txt("D.example", 300, "end");
    put_cname("c.example", 20, "d.Example");
    put_cname("a.example", 300, "b.example");
    put_cname("b.example", 200, "c.example");
    reads_as("A.example", DNS_TXT, DNS_FOUND);
    assert_int_equal(answer.cname_count, 3);
    assert_true(span_is(answer.cname[0], "b.example"));
    assert_true(span_is(answer.cname[1], "c.example"));
    assert_true(span_is(answer.cname[2], "d.example"));
    assert_int_equal(answer.ttl_s, 20); /* the least along the chain */
    assert_true(answer.cname_ttl_s[0] == 300 && answer.cname_ttl_s[1] == 200 && answer.cname_ttl_s[2] == 20);
    assert_true(span_is(answer.record[0], "end"));
}

static void a_question_for_the_alias_itself_is_not_followed(void **state) {
    (void)state;
    start("a.example", DNS_CNAME, 0);
    put_cname("a.example", 300, "B\\.b.example");
    reads_as("a.example", DNS_CNAME, DNS_FOUND);
    assert_int_equal(answer.cname_count, 0);
    assert_int_equal(answer.record_count, 1);
    assert_true(span_is(answer.record[0], "b\\.b.example"));
}

static void loops_and_long_chains_are_refused(void **state) {
    (void)state;
    start("a.example", DNS_TXT, 0);
    put_cname("a.example", 300, "a.example");
    assert_int_equal(read_as(bytes_span(&packet), "a.example", DNS_TXT), DNS_PACKET_BAD_CHAIN);
    start("a.example", DNS_TXT, 0);
    put_cname("a.example", 300, "b.example");
    put_cname("b.example", 300, "a.example");
    assert_int_equal(read_as(bytes_span(&packet), "a.example", DNS_TXT), DNS_PACKET_BAD_CHAIN);
    for (int hops = DNS_CNAME_MAX; hops <= DNS_CNAME_MAX + 1; hops++) {
        char from[32], to[32];
        start("n0.example", DNS_TXT, 0);
        for (int i = 0; i < hops; i++) {
            snprintf(from, sizeof from, "n%d.example", i);
            snprintf(to, sizeof to, "n%d.example", i + 1);
            put_cname(from, 300, to);
        }
        put_txt(to, 300, "end");
        assert_int_equal(read_as(bytes_span(&packet), "n0.example", DNS_TXT),
                         hops == DNS_CNAME_MAX ? DNS_PACKET_OK : DNS_PACKET_BAD_CHAIN);
        assert_int_equal(answer.cname_count, hops == DNS_CNAME_MAX ? DNS_CNAME_MAX : 0);
    }
}

static void negative_answers_take_their_ttl_from_soa(void **state) { /* RFC 2308 section 5 */
    (void)state;
    static const struct {
        unsigned rcode;
        bool cname, soa;
        uint32_t ttl_s, minimum_s, want_s;
        enum dns_status want;
    } rows[] = {
        {3, false, true, 300, 60, 60, DNS_NXDOMAIN}, /* RFC 1035 4.1.1: the code is in the header */
        {3, false, true, 30, 60, 30, DNS_NXDOMAIN},
        {0, false, true, 300, 60, 60, DNS_NODATA},
        {0, true, true, 300, 60, 40, DNS_NODATA},
        {3, true, true, 300, 20, 20, DNS_NXDOMAIN},
        {0, false, false, 0, 0, 0, DNS_NODATA},
        {0, false, true, 0x80000000, 60, 0, DNS_NODATA}, /* RFC 2181 section 8 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start("a.example", DNS_TXT, rows[i].rcode);
        if (rows[i].cname) put_cname("a.example", 40, "b.example");
        if (rows[i].soa) put_soa(rows[i].ttl_s, rows[i].minimum_s);
        reads_as("a.example", DNS_TXT, rows[i].want);
        if (answer.ttl_s != rows[i].want_s) fail_msg("row %zu: ttl %u", i, answer.ttl_s);
        assert_int_equal(answer.cname_count, rows[i].cname);
    }
}

static void other_response_codes_are_failures(void **state) {
    (void)state;
    for (unsigned rcode = 1; rcode < 16; rcode++) {
        if (rcode == 3) continue;
        start("a.example", DNS_TXT, rcode);
        put_txt("a.example", 300, "must not be believed");
        reads_as("a.example", DNS_TXT, DNS_SERVFAIL);
        assert_int_equal(answer.record_count, 0);
    }
}

static void each_type_has_its_form(void **state) {
    (void)state;
    start("h.example", DNS_A, 0);
    start_record(ANSWER, "h.example", TYPE_RRSIG, 1); /* skipped, whatever is in it */
    bytes_append_text(&packet, "junk");
    end_record();
    start_record(ANSWER, "h.example", DNS_A, 300);
    bytes_append(&packet, (struct span){"\300\0\2\1", 4});
    end_record();
    reads_as("h.example", DNS_A, DNS_FOUND);
    assert_true(span_equal(answer.record[0], (struct span){"\300\0\2\1", 4}));
    assert_int_equal(answer.ttl_s, 300);

    start("h.example", DNS_MX, 0);
    start_record(ANSWER, "h.example", DNS_MX, 300);
    put_u16(0x0102);
    put_name("Mail.example");
    end_record();
    reads_as("h.example", DNS_MX, DNS_FOUND);
    assert_true(span_is(answer.record[0], "\1\2mail.example"));

    start("h.example", DNS_MX, 0); /* RFC 7505: null MX */
    start_record(ANSWER, "h.example", DNS_MX, 300);
    put_u16(0);
    put_name("");
    end_record();
    reads_as("h.example", DNS_MX, DNS_FOUND);
    assert_true(span_equal(answer.record[0], (struct span){"\0\0", 2}));

    start("1.2.0.192.in-addr.arpa", DNS_PTR, 0);
    start_record(ANSWER, "1.2.0.192.in-addr.arpa", DNS_PTR, 300);
    bytes_append(&packet, (struct span){"\1h\xc0\x0c", 4}); /* a pointer out of the data, into the question */
    end_record();
    reads_as("1.2.0.192.in-addr.arpa", DNS_PTR, DNS_FOUND);
    assert_true(span_is(answer.record[0], "h.1.2.0.192.in-addr.arpa"));
}

static void data_that_does_not_fit_its_type_is_malformed(void **state) {
    (void)state;
    static const struct {
        enum dns_type type;
        const char *data;
        size_t len;
    } rows[] = {
        {DNS_A, "\1\2\3", 3},    {DNS_A, "\1\2\3\4\5", 5}, {DNS_AAAA, "\1\2\3\4", 4}, {DNS_TXT, "", 0},
        {DNS_TXT, "\5abcd", 5},  {DNS_TXT, "\1a\1", 3},    {DNS_MX, "", 0},           {DNS_MX, "\0\1", 2},
        {DNS_MX, "\0\1\3ab", 5}, {DNS_PTR, "", 0},         {DNS_PTR, "\1a\0x", 4},    {DNS_CNAME, "\xc0", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start("h.example", rows[i].type, 0);
        start_record(ANSWER, "h.example", rows[i].type, 300);
        bytes_append(&packet, (struct span){rows[i].data, rows[i].len});
        end_record();
        if (read_as(bytes_span(&packet), "h.example", rows[i].type) != DNS_PACKET_MALFORMED) fail_msg("row %zu", i);
    }
}

static void every_cut_of_a_packet_is_refused(void **state) {
    (void)state;
    start("a.example", DNS_TXT, 0);
    put_cname("a.example", 300, "b.example");
    put_txt("b.example", 300, "v=DKIM1; p=");
    for (size_t len = 0; len < packet.len; len++) {
        enum dns_packet_status status = read_as(span_first(bytes_span(&packet), len), "a.example", DNS_TXT);
        if (status != DNS_PACKET_MALFORMED) fail_msg("cut at %zu: %s", len, dns_packet_status_text(status));
    }
    reads_as("a.example", DNS_TXT, DNS_FOUND);
}

static void an_answer_to_another_question_is_refused(void **state) {
    (void)state;
    start("a.example", DNS_TXT, 0);
    put_txt("a.example", 300, "x");
    assert_int_equal(read_as(bytes_span(&packet), "b.example", DNS_TXT), DNS_PACKET_OTHER_QUESTION);
    assert_int_equal(read_as(bytes_span(&packet), "a.example", DNS_MX), DNS_PACKET_OTHER_QUESTION);
}

static void records_and_text_have_their_limits(void **state) {
    (void)state;
    char string[255];
    memset(string, 'x', sizeof string);
    start("a.example", DNS_TXT, 0);
    for (int i = 0; i < DNS_RECORD_MAX + 5; i++) put_txt("a.example", 300, "x");
    reads_as("a.example", DNS_TXT, DNS_FOUND);
    assert_int_equal(answer.record_count, DNS_RECORD_MAX);
    for (int records = 1; records <= 2; records++) { /* the first record fits or not; the second is over the limit */
        start("a.example", DNS_TXT, 0);
        for (int record = 0; record < 2; record++) {
            start_record(ANSWER, "a.example", DNS_TXT, 300);
            for (int i = 0; i < (records == 1 ? 60 : 65); i++) put_string(string, sizeof string);
            end_record();
        }
        enum dns_packet_status status = read_as(bytes_span(&packet), "a.example", DNS_TXT);
        assert_int_equal(status, records == 1 ? DNS_PACKET_OK : DNS_PACKET_TOO_LARGE);
        if (records == 1) assert_int_equal(answer.record_count, 1);
    }
}

static void a_spent_arena_is_a_status(void **state) {
    (void)state;
    struct dns_name name;
    struct arena *small = arena_create(8);
    assert_true(dns_name_from_text(span_of("a.example"), NULL, &name));
    start("a.example", DNS_TXT, 0);
    put_txt("a.example", 300, "longer than eight");
    assert_int_equal(dns_packet_read(bytes_span(&packet), &name, DNS_TXT, small, &answer), DNS_PACKET_NO_MEMORY);
    assert_int_equal(answer.status, DNS_SERVFAIL);
    arena_destroy(small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_strings_are_joined),
        cmocka_unit_test(the_chain_is_followed_in_any_order),
        cmocka_unit_test(a_question_for_the_alias_itself_is_not_followed),
        cmocka_unit_test(loops_and_long_chains_are_refused),
        cmocka_unit_test(negative_answers_take_their_ttl_from_soa),
        cmocka_unit_test(other_response_codes_are_failures),
        cmocka_unit_test(each_type_has_its_form),
        cmocka_unit_test(data_that_does_not_fit_its_type_is_malformed),
        cmocka_unit_test(every_cut_of_a_packet_is_refused),
        cmocka_unit_test(an_answer_to_another_question_is_refused),
        cmocka_unit_test(records_and_text_have_their_limits),
        cmocka_unit_test(a_spent_arena_is_a_status),
    };
    arena = arena_create(DNS_ANSWER_OCTETS_MAX);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    bytes_release(&packet);
    return failed;
}
