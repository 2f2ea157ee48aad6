#include "verifier/dns_zone.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "verifier/dns_packet.h"
#include "verifier/dns_zone_text.h"

static struct dns_zone *zone_of(const char *text) {
    struct dns_zone *zone = dns_zone_create();
    size_t len = strlen(text);
    char *error, *exact = memcpy(malloc(len > 0 ? len : 1), text, len);
    if (!dns_zone_add_text(zone, "z", (struct span){exact, len}, &error)) fail_msg("%s", error);
    free(exact); /* the zone must not borrow from it */
    return zone;
}

static void never_called(struct dns_query *query, const struct dns_answer *answer) {
    (void)query;
    (void)answer;
    fail_msg("answered by callback");
}

static struct dns_answer ask(struct dns_zone *zone, const char *name, enum dns_type type) {
    struct dns_query query = {.answered = never_called};
    struct dns_answer answer;
    assert_int_equal(dns_lookup(dns_zone_source(zone), span_of(name), type, &query, &answer), DNS_ANSWERED);
    assert_int_equal(answer.dnssec, DNSSEC_INDETERMINATE);
    return answer;
}

/* RFC 1034 4.3.2, RFC 4592: one zone, what is asked of it, what comes back. record: of the first one; hops: joined by
 * blanks; ttl_s. */
static const char FOREST[] = "$ORIGIN example.\n"
                             "$TTL 1h\n"
                             "@ IN SOA ns hostmaster ( 1 ; serial\n"
                             "    3600 600\n"
                             "    86400 90 )\n"
                             "  NS ns\n"
                             "ns A 192.0.2.1\n"
                             "A.B 60 IN TXT \"deep\"\n"
                             "      IN 61 TXT \"second\"\n"
                             "s._domainkey TXT ( \"v=DKIM1; p=\"\n"
                             "  \"AB;(\" ) ; a comment with \" and (\n"
                             "odd TXT \"a\\\"b\\\\c\\000\\195\" plain\\ word \"\"\n"
                             "*.wild TXT star\n"
                             "*.wild MX 10 mail\n"
                             "x.sub.wild TXT here\n"
                             "alias 30 CNAME target.elsewhere.test.\n"
                             "alias2 CNAME alias\n"
                             "*.aw CNAME s._domainkey\n"
                             "dangling CNAME nowhere\n"
                             "loop CNAME loop2\n"
                             "loop2 CNAME loop\n"
                             "spf SPF \"v=spf1 -all\"\n"
                             "gen TYPE65400 \\# 1 00\n"
                             "six AAAA 2001:db8::1\n"
                             "ptr PTR Host.Example.\n"
                             "null MX 0 .\n"
                             "$ORIGIN elsewhere.test.\n"
                             "$TTL 2h\n"
                             "target TXT found\n"
                             "dotted\\.label TXT dot\n";

static const struct {
    const char *name;
    enum dns_type type;
    enum dns_status status;
    size_t records;
    const char *record, *hops;
    uint32_t ttl_s;
} rows[] = {
    {"ns.example", DNS_A, DNS_FOUND, 1, "\300", "", 3600}, /* octets 192.0.2.1: looked at up to the NUL */
    {"NS.Example.", DNS_A, DNS_FOUND, 1, "\300", "", 3600},
    {"ns.example", DNS_TXT, DNS_NODATA, 0, "", "", 90}, /* RFC 2308: SOA minimum */
    {"a.b.example", DNS_TXT, DNS_FOUND, 2, "deep", "", 60},
    {"b.example", DNS_TXT, DNS_NODATA, 0, "", "", 90}, /* empty non-terminal */
    {"c.b.example", DNS_TXT, DNS_NXDOMAIN, 0, "", "", 90},
    {"x.a.b.example", DNS_TXT, DNS_NXDOMAIN, 0, "", "", 90},
    {"s._domainkey.example", DNS_TXT, DNS_FOUND, 1, "v=DKIM1; p=AB;(", "", 3600},
    {"y.wild.example", DNS_TXT, DNS_FOUND, 1, "star", "", 3600},
    {"y.z.wild.example", DNS_TXT, DNS_FOUND, 1, "star", "", 3600}, /* any number of labels */
    {"y.wild.example", DNS_MX, DNS_FOUND, 1, NULL, "", 3600},
    {"y.wild.example", DNS_A, DNS_NODATA, 0, "", "", 90},
    {"wild.example", DNS_TXT, DNS_NODATA, 0, "", "", 90},
    {"sub.wild.example", DNS_TXT, DNS_NODATA, 0, "", "", 90},     /* exists: no wildcard */
    {"y.sub.wild.example", DNS_TXT, DNS_NXDOMAIN, 0, "", "", 90}, /* closest encloser sub has no wildcard */
    {"x.sub.wild.example", DNS_TXT, DNS_FOUND, 1, "here", "", 3600},
    {"*.wild.example", DNS_TXT, DNS_FOUND, 1, "star", "", 3600},
    {"alias.example", DNS_TXT, DNS_FOUND, 1, "found", "target.elsewhere.test", 30},
    {"alias2.example", DNS_TXT, DNS_FOUND, 1, "found", "alias.example target.elsewhere.test", 30},
    {"alias.example", DNS_CNAME, DNS_FOUND, 1, "target.elsewhere.test", "", 30},
    {"q.aw.example", DNS_TXT, DNS_FOUND, 1, "v=DKIM1; p=AB;(", "s._domainkey.example", 3600},
    {"dangling.example", DNS_TXT, DNS_NXDOMAIN, 0, "", "nowhere.example", 90},
    {"alias.example", DNS_A, DNS_NODATA, 0, "", "target.elsewhere.test", 0}, /* no SOA there */
    {"loop.example", DNS_TXT, DNS_SERVFAIL, 0, "", "", 0},
    {"spf.example", DNS_TXT, DNS_NODATA, 0, "", "", 90}, /* a type that is not read still makes the name exist */
    {"gen.example", DNS_TXT, DNS_NODATA, 0, "", "", 90},
    {"six.example", DNS_AAAA, DNS_FOUND, 1, " \1\r\270", "", 3600},
    {"ptr.example", DNS_PTR, DNS_FOUND, 1, "host.example", "", 3600},
    {"null.example", DNS_MX, DNS_FOUND, 1, "", "", 3600},
    {"dotted\\.label.elsewhere.test", DNS_TXT, DNS_FOUND, 1, "dot", "", 7200},
    {"dotted.label.elsewhere.test", DNS_TXT, DNS_NXDOMAIN, 0, "", "", 0},
    {"test", DNS_TXT, DNS_NODATA, 0, "", "", 0},
    {"", DNS_TXT, DNS_NODATA, 0, "", "", 0},
    {"other.org", DNS_TXT, DNS_NXDOMAIN, 0, "", "", 0},
    {"a..b", DNS_TXT, DNS_NXDOMAIN, 0, "", "", 0},
};

static void every_question_is_answered_as_wanted(void **state) {
    (void)state;
    struct dns_zone *zone = zone_of(FOREST);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dns_answer answer = ask(zone, rows[i].name, rows[i].type);
        char hops[4096] = "";
        for (size_t hop = 0, len = 0; hop < answer.cname_count; hop++)
            len += (size_t)snprintf(hops + len, sizeof hops - len, "%s%.*s", hop > 0 ? " " : "",
                                    (int)answer.cname[hop].len, answer.cname[hop].ptr);
        if (answer.status != rows[i].status || answer.record_count != rows[i].records ||
            answer.ttl_s != rows[i].ttl_s || strcmp(hops, rows[i].hops) != 0)
            fail_msg("%s %d: %s, %zu records, ttl %u, hops \"%s\"", rows[i].name, (int)rows[i].type,
                     dns_status_word(answer.status), answer.record_count, answer.ttl_s, hops);
        if (answer.record_count > 0 && rows[i].record != NULL &&
            (answer.record[0].len < strlen(rows[i].record) ||
             memcmp(answer.record[0].ptr, rows[i].record, strlen(rows[i].record)) != 0))
            fail_msg("%s: \"%.*s\"", rows[i].name, (int)answer.record[0].len, answer.record[0].ptr);
    }
    struct dns_answer odd = ask(zone, "odd.example", DNS_TXT);
    assert_true(span_equal(odd.record[0], (struct span){"a\"b\\c\0\303plain word", 17}));
    assert_true(span_equal(odd.strings[0], (struct span){"\7\12\0", 3})); /* how it was cut */
    assert_true(span_is(ask(zone, "a.b.example", DNS_TXT).record[1], "second")); /* order of the file */
    assert_true(span_equal(ask(zone, "y.wild.example", DNS_MX).record[0], (struct span){"\0\12mail.example", 14}));
    assert_int_equal(ask(zone, "null.example", DNS_MX).record[0].len, 2);
    dns_zone_destroy(zone);
}

static void several_texts_are_one_name_space(void **state) {
    (void)state;
    char *error;
    struct dns_zone *zone = zone_of("a.test. CNAME b.example.\n");
    assert_int_equal(ask(zone, "a.test", DNS_TXT).status, DNS_NXDOMAIN);
    assert_true(dns_zone_add_text(zone, "second", span_of("$ORIGIN example.\nb TXT x"), &error)); /* no line end */
    assert_int_equal(ask(zone, "a.test", DNS_TXT).status, DNS_FOUND);
    assert_int_equal(ask(zone, "a.test", DNS_TXT).ttl_s, DNS_ZONE_TTL_S);
    dns_zone_destroy(zone);
    zone = dns_zone_create();
    assert_int_equal(ask(zone, "", DNS_TXT).status, DNS_NXDOMAIN);
    assert_int_equal(ask(zone, "a", DNS_TXT).status, DNS_NXDOMAIN);
    dns_zone_destroy(zone);
}

static void the_last_ttl_goes_on_without_a_directive(void **state) { /* RFC 1035 5.1 */
    (void)state;
    struct dns_zone *zone = zone_of("a. 1m30s IN A 192.0.2.1\nb. IN A 192.0.2.1\r\nc. 1w A 192.0.2.1\n");
    assert_int_equal(ask(zone, "a", DNS_A).ttl_s, 90);
    assert_int_equal(ask(zone, "b", DNS_A).ttl_s, 90);
    assert_int_equal(ask(zone, "c", DNS_A).ttl_s, 604800);
    dns_zone_destroy(zone);
}

static void chains_and_answers_have_their_limits(void **state) {
    (void)state;
    char text[64 * 1024];
    size_t len = 0;
    for (int i = 0; i < DNS_CNAME_MAX + 1; i++) len += (size_t)sprintf(text + len, "n%d. CNAME n%d.\n", i, i + 1);
    len += (size_t)sprintf(text + len, "n%d. TXT end\n", DNS_CNAME_MAX + 1);
    for (int i = 0; i < DNS_RECORD_MAX + 8; i++) len += (size_t)sprintf(text + len, "many. TXT t%d\n", i);
    for (int i = 0; i < 3; i++) {
        len += (size_t)sprintf(text + len, "big. TXT");
        for (int j = 0; j < 30; j++) len += (size_t)sprintf(text + len, " %0250d", i);
        text[len++] = '\n';
    }
    text[len] = '\0';
    struct dns_zone *zone = zone_of(text);
    assert_int_equal(ask(zone, "n0", DNS_TXT).status, DNS_SERVFAIL);
    assert_int_equal(ask(zone, "n1", DNS_TXT).status, DNS_FOUND);
    assert_int_equal(ask(zone, "n1", DNS_TXT).cname_count, DNS_CNAME_MAX);
    assert_int_equal(ask(zone, "many", DNS_TXT).record_count, DNS_RECORD_MAX);
    assert_int_equal(ask(zone, "big", DNS_TXT).record_count, 2); /* 3 x 7,500 octets are over DNS_TEXT_MAX */
    dns_zone_destroy(zone);
}

static const struct {
    const char *text, *error;
} bad_rows[] = {
    {"a. A 192.0.2.1\nb. A 192.0.2.256\n", "z:2: \"192.0.2.256\" is no IPv4 address"},
    {"a. A", "z:1: \"A\" record with too little data"},
    {"a. A 192.0.2.1 x", "z:1: \"A\" record with too much data"},
    {"a. AAAA 192.0.2.1", "z:1: \"192.0.2.1\" is no IPv6 address"},
    {"a. MX mail", "z:1: \"MX\" record with too little data"},
    {"a. MX 65536 mail.", "z:1: \"65536\" is no preference from 0 to 65535"},
    {"a. MX 10m mail.", "z:1: \"10m\" is no preference from 0 to 65535"},
    {"a. CNAME b..c", "z:1: \"b..c\" is no domain name"},
    {"a..b A 192.0.2.1", "z:1: \"a..b\" is no domain name"},
    {"a. TXTT x", "z:1: \"TXTT\" is no record type"},
    {"a. 300x TXT x", "z:1: \"300x\" is no record type"},
    {"a. 99999999999 TXT x", "z:1: \"99999999999\" is no record type"},
    {"a. CH TXT x", "z:1: \"CH\" is a class sceau does not read"},
    {"a.", "z:1: entry without a type"},
    {"  TXT x", "z:1: blank owner, but no record stands before it"},
    {"a. TXT \"x\nb. TXT y", "z:1: string without its closing quote"},
    {"\n\na. TXT ( x\n\n", "z:3: ( without )"},
    {"a. TXT )", "z:1: ) without ("},
    {"a. TXT ( ( x ) )", "z:1: ( inside of ("},
    {"a. TXT \"\\25\"", "z:1: \"\\25\" has an escape that is not \\000 to \\255"},
    {"a. TXT \"\\256\"", "z:1: \"\\256\" has an escape that is not \\000 to \\255"},
    {"a. TXT x\\", "z:1: \"x\\\" ends within an escape"},
    {"a. TXT \\# 2 0161", "z:1: \"TXT\" data in \\# form is not read"},
    {"$INCLUDE other", "z:1: \"$INCLUDE\" is a directive sceau does not read"},
    {"$ORIGIN", "z:1: \"$ORIGIN\" has no value"},
    {"$TTL 1x", "z:1: \"1x\" is no time"},
    {"$TTL 1 2", "z:1: \"$TTL\" has more than one value"},
    {"a. SOA b. c. 1 2 3 4", "z:1: \"SOA\" record with too little data"},
    {"a. SOA b. c. 1 2 3 4 x", "z:1: \"x\" is no time"},
};

static void every_error_names_file_and_line(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_rows / sizeof *bad_rows; i++) {
        struct dns_zone *zone = dns_zone_create();
        size_t len = strlen(bad_rows[i].text);
        char *error = NULL, *exact = memcpy(malloc(len), bad_rows[i].text, len);
        if (dns_zone_add_text(zone, "z", (struct span){exact, len}, &error)) fail_msg("read: %s", bad_rows[i].text);
        assert_string_equal(error, bad_rows[i].error);
        free(error);
        free(exact);
        dns_zone_destroy(zone);
    }
}

static void strings_over_255_octets_and_too_many_items_are_errors(void **state) {
    (void)state;
    for (int len = 255; len <= 256; len++) {
        char text[400], *error = NULL;
        struct dns_zone *zone = dns_zone_create();
        snprintf(text, sizeof text, "a. TXT %0*d", len, 0);
        assert_int_equal(dns_zone_add_text(zone, "z", span_of(text), &error), len == 255);
        if (len == 256) assert_string_equal(error, "z:1: string longer than 255 octets: split it into several strings");
        free(error);
        dns_zone_destroy(zone);
    }
    char text[2 * DNS_ZONE_ITEM_MAX + 16], *error = NULL;
    struct dns_zone *zone = dns_zone_create();
    size_t len = (size_t)sprintf(text, "a. TXT");
    for (int i = 0; i < DNS_ZONE_ITEM_MAX; i++) text[len++] = ' ', text[len++] = 'x';
    assert_false(dns_zone_add_text(zone, "z", (struct span){text, len}, &error));
    assert_string_equal(error, "z:1: too many items in one entry");
    free(error);
    dns_zone_destroy(zone);
}

static void faults_go_before_records(void **state) {
    (void)state;
    char *error;
    struct dns_zone *zone = zone_of("a.test. TXT x\na.test. A 192.0.2.1\nb.test. CNAME a.test.\n");
    assert_true(dns_zone_add_faults_text(
        zone, "f",
        span_of(" {\"A.test. TXT\" : \"timeout\",\n\"none.test MX\":\"servfail\", \"\\u0061\\\\.b.test "
                "a\": \"servfail\", \"x.test SPF\":\"timeout\"}\n"),
        &error));
    assert_int_equal(ask(zone, "a.test", DNS_TXT).status, DNS_TIMEOUT);
    assert_int_equal(ask(zone, "a.test", DNS_A).status, DNS_FOUND);
    assert_int_equal(ask(zone, "none.test", DNS_MX).status, DNS_SERVFAIL);
    assert_int_equal(ask(zone, "none.test", DNS_TXT).status, DNS_NXDOMAIN); /* a fault makes no name */
    assert_int_equal(ask(zone, "a\\.b.test", DNS_A).status, DNS_SERVFAIL);
    assert_int_equal(ask(zone, "b.test", DNS_TXT).status, DNS_TIMEOUT); /* met at the end of the chain */
    assert_int_equal(ask(zone, "b.test", DNS_TXT).cname_count, 0);
    assert_int_equal(ask(zone, "b.test", DNS_A).status, DNS_FOUND);
    dns_zone_destroy(zone);
}

static const struct {
    const char *text, *error;
} bad_faults[] = {
    {"", "f:1: not a JSON object"},
    {"[]", "f:1: not a JSON object"},
    {"{}x", "f:1: text after the object"},
    {"{", "f:1: a string in double quotes is wanted here"},
    {"{\"a TXT\"}", "f:1: : is missing after a key"},
    {"{\n\"a TXT\":\n1}", "f:3: a string in double quotes is wanted here"},
    {"{\"a TXT\":\"nxdomain\"}", "f:1: value is neither \"servfail\" nor \"timeout\""},
    {"{\"a TXT\":\"timeout\",}", "f:1: a string in double quotes is wanted here"},
    {"{\"a TXT\":\"timeout\" \"b TXT\":\"timeout\"}", "f:1: neither , nor } after a value"},
    {"{\"a TXT\":\"timeout\"", "f:1: neither , nor } after a value"},
    {"{\"a TXT\":\"timeout", "f:1: string without its closing quote"},
    {"{\"aTXT\":\"timeout\"}", "f:1: key is not \"name TYPE\""},
    {"{\" TXT\":\"timeout\"}", "f:1: key is not \"name TYPE\""},
    {"{\"a FOO\":\"timeout\"}", "f:1: key does not end with a record type"},
    {"{\"a..b TXT\":\"timeout\"}", "f:1: key does not start with a domain name"},
    {"{\"a\\q TXT\":\"timeout\"}", "f:1: unknown escape in a string"},
    {"{\"a\\u00g0 TXT\":\"timeout\"}", "f:1: \\u without four hexadecimal digits"},
    {"{\"a\\ud800 TXT\":\"timeout\"}", "f:1: surrogate in a string"},
    {"{\"a\tb TXT\":\"timeout\"}", "f:1: control character in a string"},
};

static void every_bad_faults_file_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_faults / sizeof *bad_faults; i++) {
        struct dns_zone *zone = dns_zone_create();
        size_t len = strlen(bad_faults[i].text);
        char *error = NULL, *exact = memcpy(malloc(len > 0 ? len : 1), bad_faults[i].text, len);
        if (dns_zone_add_faults_text(zone, "f", (struct span){exact, len}, &error))
            fail_msg("read: %s", bad_faults[i].text);
        assert_string_equal(error, bad_faults[i].error);
        free(error);
        free(exact);
        dns_zone_destroy(zone);
    }
}

static void files_that_cannot_be_read_are_errors(void **state) {
    (void)state;
    char *error = NULL;
    struct dns_zone *zone = dns_zone_create();
    assert_false(dns_zone_add_file(zone, "/nonexistent/zone", &error));
    assert_string_equal(error, "/nonexistent/zone: No such file or directory");
    free(error);
    assert_false(dns_zone_add_faults_file(zone, "/", &error));
    assert_string_equal(error, "/: Is a directory");
    free(error);
    dns_zone_destroy(zone);
}

/* All zones of the conformance data load; faults files beside them, too. */
static void conformance_zones_load(void **state) {
    (void)state;
    static const char *const folders[] = {"arc", "dkim", "dmarc", "spf"};
    const char *shared = getenv("SCEAU_SHARED"), *source = getenv("SCEAU_SOURCE");
    char root[2048], path[4096];
    if (shared != NULL)
        snprintf(root, sizeof root, "%s", shared);
    else
        snprintf(root, sizeof root, "%s/../shared", source != NULL ? source : ".");
    size_t files = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/conformance/%s/zones", root, folders[i]);
        DIR *folder = opendir(path);
        if (folder == NULL) continue;
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            size_t len = strlen(entry->d_name);
            if (entry->d_name[0] == '.') continue;
            char *error = NULL;
            struct dns_zone *zone = dns_zone_create();
            snprintf(path, sizeof path, "%s/conformance/%s/zones/%s", root, folders[i], entry->d_name);
            bool is_zone = len > 5 && strcmp(entry->d_name + len - 5, ".zone") == 0;
            if (!(is_zone ? dns_zone_add_file : dns_zone_add_faults_file)(zone, path, &error)) fail_msg("%s", error);
            if (is_zone) assert_int_equal(ask(zone, "", DNS_TXT).status, DNS_NODATA); /* each is a zone for the root */
            dns_zone_destroy(zone);
            files++;
        }
        closedir(folder);
    }
    if (files == 0) {
        print_message("skipped: no conformance data at %s (set SCEAU_SHARED)\n", root);
        skip();
    }
    print_message("%zu files\n", files);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_question_is_answered_as_wanted),
        cmocka_unit_test(several_texts_are_one_name_space),
        cmocka_unit_test(the_last_ttl_goes_on_without_a_directive),
        cmocka_unit_test(chains_and_answers_have_their_limits),
        cmocka_unit_test(every_error_names_file_and_line),
        cmocka_unit_test(strings_over_255_octets_and_too_many_items_are_errors),
        cmocka_unit_test(faults_go_before_records),
        cmocka_unit_test(every_bad_faults_file_is_refused),
        cmocka_unit_test(files_that_cannot_be_read_are_errors),
        cmocka_unit_test(conformance_zones_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
