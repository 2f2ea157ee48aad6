#include "base/options.h" /* first, so the header is proved to stand alone */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/option_value.h"

#define LISTENER                                                                                                       \
    "listener \"x\" {\n protocol = \"smtp\"\n listen = \"127.0.0.1:10025\"\n downstream = "                            \
    "\"smtp:127.0.0.1:10026\"\n}\n"
/* A listener with one line more; the line is the fifth. */
#define LISTENER_WITH(line)                                                                                            \
    "listener \"x\" {\n protocol = \"smtp\"\n listen = \"127.0.0.1:10025\"\n downstream = "                            \
    "\"smtp:127.0.0.1:10026\"\n " line "\n}\n"

static char folder[64] = "/tmp/test_options.XXXXXX";
static char path[80];

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(path, sizeof path, "%s/x.conf", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_file(const char *text, size_t len) {
    FILE *file = fopen(path, "w");
    assert_true(file != NULL && fwrite(text, 1, len, file) == len && fclose(file) == 0);
}

static struct options *read_text(const char *text, char **error) {
    write_file(text, strlen(text));
    return options_read(path, error);
}

static struct options *must_read(const char *text) {
    char *error;
    struct options *options = read_text(text, &error);
    if (options == NULL) fail_msg("%s", error);
    assert_null(error);
    return options;
}

/* Texts and what is wrong with them, after the path of the file. */
#define OPEN ", and the pages tell who writes to whom: write access_file = \"/etc/sceau/access\" with a token or password in it " \
             "(docs/metrics.md), or listen on 127.0.0.1, [::1] or unix:path"
static const struct {
    const char *text, *want;
} wrong[] = {
    {"", ": there is no listener"},
    {"# nothing\n", ": there is no listener"},
    /* unknown keys and the nearest known one */
    {"listener \"x\" {\n lisen = \"127.0.0.1:1\"\n}",
     ":2: unknown key 'lisen' in listener \"x\" (did you mean 'listen'?)"},
    {"limits {\n\n mesage = 1MiB\n}", ":3: unknown key 'mesage' in limits (did you mean 'message'?)"},
    {"lisener \"x\" {\n}", ":1: unknown key 'lisener' (did you mean 'listener'?)"},
    {"workers = 1\nsessions = 5", ":2: unknown key 'sessions' (it belongs into limits)"},
    {"dns { workers = 5 }", ":1: unknown key 'workers' in dns (it belongs outside of sections)"},
    {"http { qqqqqqqqqqqqqqqq = 5 }", ":1: unknown key 'qqqqqqqqqqqqqqqq' in http"},
    /* values */
    {"limits { message = 1KiB }", ":1: 'message' in limits: '1KiB' is less than the least possible, 64KiB"},
    {"limits {\n message = 2GiB }", ":2: 'message' in limits: '2GiB' is more than the most possible, 1GiB"},
    {"limits { message = 50MB }",
     ":1: 'message' in limits: '50MB' is not a size: octets, or a number with KiB, MiB or GiB"},
    {"limits { clock_drift = soon }",
     ":1: 'clock_drift' in limits: 'soon' is not a time: milliseconds, or a number with ms, s, min or h"},
    {"limits { sessions = -1 }", ":1: 'sessions' in limits: '-1' is not a number"},
    {"limits { unsigned_octets_pass = maybe }", ":1: 'unsigned_octets_pass' in limits: 'maybe' is not true or false"},
    {"limits { rsa_bits_min = 4096\n rsa_bits_max = 2048 }", ":2: 'limits': rsa_bits_min is more than rsa_bits_max"},
    {"authserv_id = \"a b\"", ":1: 'authserv_id': 'a b' is not a name that can stand in a header field"},
    {"authserv_id = \"\"", ":1: 'authserv_id': it is empty, which is no name"},
    {"log { format = \"xml\" }", ":1: 'format' in log: 'xml' is not logfmt or json"},
    {"http { listen = \"9811\" }", ":1: 'listen' in http: '9811' is not host:port, unix:path or, alone, off"},
    {"http { listen = \"*:9811\" }",
     ":1: 'http': other hosts can reach *:9811" OPEN},
    {"http { listen = { \"[::1]:1\", \"192.0.2.1:2\" } }", ":1: 'http': other hosts can reach 192.0.2.1:2" OPEN},
    {"http { metrics_listen = \"192.0.2.1:2\" }", ":1: 'http': other hosts can reach 192.0.2.1:2" OPEN},
    {"http { listen = { off, \"[::1]:1\" } }", ":1: 'listen' in http: 'off' is not host:port, unix:path or, alone, off"},
    {"http { access_file = \"\" }", ":1: 'access_file' in http: it is empty, which is no file"},
    {"log { events = \"events.json\" }", ":1: 'events' in log: 'events.json' is no path from the root, unix:path or off"},
    {"dns { mode = \"cache\" }", ":1: 'mode' in dns: 'cache' is not recurse, forward, stub or zones"},
    {"dns {\n mode = \"forward\"\n}", ":3: 'dns': mode is forward, but 'forward' lists nothing"},
    {"dns {\n mode = \"zones\"\n}", ":3: 'dns': mode is zones, but 'zone_files' lists nothing"},
    {"dns { forward = { \"127.0.0.1\" } }", ":1: 'dns': mode is recurse, which does not ask what 'forward' lists"},
    {"dns { stub = { \"x=::1\" } }", ":1: 'dns': mode is recurse, which does not ask what 'stub' lists"},
    {"dns { mode = zones zone_files = { \"/z\" }\nstub = { \"x=::1\" } }",
     ":2: 'dns': mode is zones, which does not ask what 'stub' lists"},
    {"dns { forward = { \"127.0.0.1\",\n \"resolver.example\" } }",
     ":2: 'forward' in dns: 'resolver.example' is no address or address@port"},
    {"dns { forward = { \"127.0.0.1@0\" } }", ":1: 'forward' in dns: '127.0.0.1@0' is no address or address@port"},
    {"dns { stub = { \"127.0.0.1@53\" } }",
     ":1: 'stub' in dns: '127.0.0.1@53' is no zone=address or zone=address@port"},
    {"dns { zone_files = { \"\" } }", ":1: 'zone_files' in dns: '' is no file"},
    {"results_style = fancy", ":1: 'results_style': 'fancy' is not standard or provider"},
    {"arc {\n seal = yes }", ":2: 'seal' in arc: 'yes' is not true or false"},
    {"arc {\n seal = true\n}", ":3: 'arc': seal is true, but there is no 'domain'"},
    {"arc { seal = true domain = \"a.example\" }", ":1: 'arc': seal is true, but there is no 'selector'"},
    {"arc { seal = true domain = \"a.example\" selector = s }", ":1: 'arc': seal is true, but there is no 'key_file'"},
    {"arc { next_selector = s }", ":1: 'arc': next_selector and next_key_file go together"},
    {"arc { next_key_file = \"/k\" }", ":1: 'arc': next_selector and next_key_file go together"},
    {"arc { domain = \"\" }", ":1: 'domain' in arc: it is empty, which is no name"},
    {"arc { trusted_sealers = { \"a.example\", \"\" } }", ":1: 'trusted_sealers' in arc: '' is no name"},
    /* the tester */
    {"tester { enabled = true domain = \"t.example\" }\n" LISTENER, ": tester has a 'domain', but no listener has downstream = tester"},
    {"listener \"x\" { protocol = \"smtp\" listen = \"*:25\" downstream = \"tester\" }",
     ": a listener has downstream = tester: tester wants enabled = true and a 'domain'"},
    {"listener \"x\" { protocol = \"smtp\" listen = \"*:25\" downstream = \"tester\" downstream_tls = \"may\" }",
     ":1: 'listener': \"x\" has a 'downstream_tls', but the tester behind it"},
    {"tester { listen = \"127.0.0.1:1\" }\n" LISTENER, ": tester has a 'listen', but enabled is not true"},
    {"tester {\n base_url = \"tester.example\" }", ":2: 'base_url' in tester: 'tester.example' is not http://host or https://host"},
    {"tester {\n base_url = \"https://t.example/\" }", ":2: 'base_url' in tester: 'https://t.example/' is not http://host or https://host"},
    {"tester {\n retention = 1s }", ":2: 'retention' in tester: '1s' is less than the least possible, 1min"},
    /* listeners */
    {"listener \"x\" {\n}", ":2: 'listener': listener \"x\" has no 'protocol'"},
    {"listener \"x\" { protocol = \"smtp\"\n listen = \"*:25\"\n}",
     ":3: 'listener': listener \"x\" has no 'downstream'"},
    {"listener \"x\" {\n protocol = \"smpt\" }", ":2: 'protocol' in listener \"x\": 'smpt' is not smtp or lmtp"},
    {"listener \"x\" {\n listen = \"25\" }", ":2: 'listen' in listener \"x\": '25' is not host:port or unix:path"},
    {"listener \"x\" {\n downstream = \"127.0.0.1:26\" }",
     ":2: 'downstream' in listener \"x\": '127.0.0.1:26' is not smtp:, lmtp: (host:port or unix:path behind it), "
     "maildir:path or tester"},
    {"listener \"x\" {\n downstream = \"maildir:\" }", ":2: 'downstream' in listener \"x\": 'maildir:' is not smtp:, "
                                                       "lmtp: (host:port or unix:path behind it), maildir:path or tester"},
    {LISTENER_WITH("trust = { \"127.0.0.1/8\" }"), ":5: 'trust' in listener \"x\": '127.0.0.1/8' is no address and no "
                                                   "network like 10.0.0.0/8 (with no bits set behind the prefix)"},
    {LISTENER_WITH("proxy_from = { \"10.0.0.5\", \"balancer\" }"),
     ":5: 'proxy_from' in listener \"x\": 'balancer' is no address and no network like 10.0.0.0/8 (with no bits set "
     "behind the prefix)"},
    {LISTENER_WITH("line_ends = \"fix\""), ":5: 'line_ends' in listener \"x\": 'fix' is not reject or pass"},
    {LISTENER_WITH("without = { \"spf\", \"dkim\" }"), ":5: 'without' in listener \"x\": 'dkim' is not spf, iprev or dmarc"},
    {LISTENER_WITH("listen = \"*:26\""), ":5: 'listen' in listener \"x\": it is set twice"},
    {LISTENER_WITH("tls = \"verify\""), ":5: 'tls' in listener \"x\": 'verify' is not off, may or require"},
    {LISTENER_WITH("downstream_tls = on"),
     ":5: 'downstream_tls' in listener \"x\": 'on' is not off, may, require or verify"},
    {LISTENER_WITH("tls = may tls_key = k"), ":6: 'listener': \"x\" does TLS, but has no 'tls_certificate'"},
    {LISTENER_WITH("tls = may tls_certificate = c"), ":6: 'listener': \"x\" does TLS, but has no 'tls_key'"},
    {LISTENER_WITH("tls_key = \"/etc/sceau/mx.key\""),
     ":6: 'listener': \"x\" has tls = off, which needs no certificate and no key"},
    {LISTENER_WITH("downstream_tls = require downstream_ca = c"),
     ":6: 'listener': \"x\" has a 'downstream_ca', but downstream_tls is not verify"},
    {"listener \"x\" { protocol = smtp listen = \"*:25\" downstream = \"maildir:/m\" downstream_tls = may }",
     ":1: 'listener': \"x\" has a 'downstream_tls', but a Maildir behind it"},
    {"listener \"x\" { protocol = smtp listen = \"*:25\" downstream = \"lmtp:unix:/l\" downstream_tls = verify }",
     ":1: 'listener': \"x\" has downstream_tls = verify, but a unix socket has no name to verify"},
    {LISTENER LISTENER, ":10: 'listener': there are two named \"x\""},
    {LISTENER "listener \"y\" { protocol = \"lmtp\"\n listen = \"127.0.0.1:10025\"\n downstream = \"maildir:/m\"\n}",
     ":9: 'listener': \"y\" listens where \"x\" does already"},
    {"log { }\nlog { }", ":2: 'log': the section is there twice"},
    /* what this version does not do is never silently ignored */
    {"rules { file = { \"\" } }", ":1: 'file' in rules: '' is no file"},
    {"rules { quarantine = { \"junk\" } }", ":1: 'quarantine' in rules: 'junk' is no name=maildir:path"},
    {"rules { quarantine = { \"=maildir:/x\" } }", ":1: 'quarantine' in rules: '=maildir:/x' is no name=maildir:path"},
    {"rules { quarantine = { \"a=maildir:/x\", \"b=maildir:/y\", \"a=maildir:/z\" } }",
     ":1: 'quarantine' in rules: 'a' is there twice"},
    /* shape */
    {"workers 5", ":1: missing equal sign after option 'workers'"},
    {"workers =", ":2: premature end of file"},
    {"\nlistener { }", ":2: missing title for section 'listener'"},
    {"log\n{\n", ":2: this '{' is never closed"},
    {"workers = \"5", ":1: this string is never closed"},
};

static void wrong_files_are_told_in_one_sentence(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *error, want[1024];
        struct options *options = read_text(wrong[i].text, &error);
        if (options != NULL) fail_msg("\"%s\" is taken", wrong[i].text);
        snprintf(want, sizeof want, "%s%s", path, wrong[i].want);
        if (error == NULL || strcmp(error, want) != 0)
            fail_msg("\"%s\"\n  says %s\n  not  %s", wrong[i].text, error, want);
        free(error);
    }
}

static void a_file_that_is_none_is_told(void **state) {
    (void)state;
    static const struct {
        const char *path, *want;
    } files[] = {{"/nowhere/sceau.conf", "/nowhere/sceau.conf: No such file or directory"},
                 {"/tmp", "/tmp: this is no file"}};
    for (size_t i = 0; i < 2; i++) {
        char *error;
        assert_null(options_read(files[i].path, &error));
        assert_string_equal(error, files[i].want);
        free(error);
    }
    char *error, *blanks = malloc((1 << 20) + 1);
    memset(blanks, ' ', (1 << 20) + 1);
    write_file(blanks, (1 << 20) + 1);
    assert_null(options_read(path, &error));
    assert_non_null(strstr(error, "more than 1 MiB"));
    free(error);
    free(blanks);
}

static void defaults_are_those_of_the_table(void **state) {
    (void)state;
    struct options *options = must_read(LISTENER);
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    assert_string_equal(options->authserv_id, host);
    assert_string_equal(options->spool_directory, "");
    assert_string_equal(options->dns_mode, "recurse");
    assert_string_equal(options->dns_trust_anchor, "");
    assert_string_equal(options->log_format, "logfmt");
    assert_string_equal(options->results_style, "standard");
    assert_string_equal(options->arc_key_file, "");
    assert_true(options->arc_trusted_sealers.count == 0 && options->listener[0].without == 0);
    assert_true(options->http_listen.count == 1 && options->http_listen.item->port == 9811);
    assert_true(options->dns_forward.count == 0 && options->dns_stub.count == 0 && options->dns_zone_files.count == 0);
#define OPTION(field, section, key, kind, least, most, standard, help)                                                 \
    if (options->field != standard || standard < least || standard > most) fail_msg("%s in %s", key, section);
#include "base/options.def"
    options_release(options);
}

static const char whole[] =
    "authserv_id = \"mx.example.com\"\nresults_style = provider trust_received = true\nspool = '/var/spool/a\"b$ {HOME}\\\\'\nworkers = 3\n"
    "listener \"before \\\"queue\\\"\" { protocol = smtp listen = \"[::1]:10025\" downstream = "
    "\"lmtp:unix:/run/dovecot/lmtp\"\n"
    "  trust = { \"127.0.0.0/8\", \"::1\" } without = { \"iprev\" } line_ends = \"pass\" tls = off proxy_from = { \"10.0.0.5\" } tls_key = \"\" }\n"
    "listener 'b' { protocol = lmtp listen = 'unix:/run/sceau.sock' downstream = 'maildir:/var/mail/${x}' without = { dmarc, iprev, spf } }\n"
    "listener 'c' { protocol = lmtp listen = 'mx:25' downstream = 'smtp:127.0.0.1:10026' line_ends = reject\n"
    "  tls = require tls_certificate = '/c' tls_key = '/k' downstream_tls = verify downstream_ca = '/ca' }\n"
    "dns { mode = \"stub\" forward = { } stub = { \"rig.test=127.0.0.1@5353\", \"x=::1\" } trust_anchor = \"none\"\n"
    "  zone_files = { \"/a b\" } budget = 2s }\n"
    "http { listen = off domains = 7 }\narc { seal = true domain = \"a.example\" selector = s1 key_file = '/k 1' next_selector = s2 next_key_file = /k2\n"
    "  trusted_sealers = { \"b.example\", \"c.example\" } }\nrules { file = \"/r 1\" quarantine = { \"j=maildir:/j\" } arm_discard = true replay_window = 1h }\n"
    "listener t { protocol = smtp listen = '*:2525' downstream = tester }\n"
    "tester { enabled = true domain = t.example base_url = 'https://t.example' listen = { '127.0.0.1:1', 'unix:/t' } retention = 1h tests = 5 }\n"
    "limits { message = \"10MiB\" sessions = 5 unsigned_octets_pass = true clock_drift = 0 }\nlog { format = json }\n";

static void every_setting_is_read(void **state) {
    (void)state;
    struct options *options = must_read(whole);
    const struct listener_options *a = &options->listener[0], *b = &options->listener[1], *c = &options->listener[2];
    assert_int_equal(options->listener_count, 4);
    assert_true(options->workers == 3 && options->message_max == 10485760 && options->sessions_max == 5);
    assert_true(options->unsigned_octets_pass == 1 && options->drift_ms == 0 && options->dns_budget_ms == 2000);
    assert_string_equal(options->spool_directory, "/var/spool/a\"b$ {HOME}\\");
    assert_string_equal(a->name, "before \"queue\"");
    assert_true(a->protocol == LISTENER_SMTP && a->downstream_kind == DOWNSTREAM_LMTP && a->downstream.is_unix);
    assert_true(a->trust_count == 2 && a->trust[0].is_v4 && a->trust[1].prefix_bits == 128 && !a->reject_line_ends);
    assert_true(a->proxy_from_count == 1 && a->proxy_from[0].prefix_bits == 32 && b->proxy_from_count == 0);
    assert_true(b->protocol == LISTENER_LMTP && b->listen.is_unix && b->trust_count == 0 && b->reject_line_ends);
    assert_true(b->downstream_kind == DOWNSTREAM_MAILDIR && c->downstream_kind == DOWNSTREAM_SMTP &&
                c->reject_line_ends);
    assert_string_equal(b->maildir, "/var/mail/${x}");
    assert_true(a->tls == TLS_OFF && a->tls_key == NULL && c->tls == TLS_REQUIRE && c->downstream_tls == TLS_VERIFY);
    assert_string_equal(c->tls_certificate, "/c");
    assert_string_equal(c->tls_key, "/k");
    assert_string_equal(c->downstream_ca, "/ca");
    assert_true(options->dns_stub.count == 2 && options->dns_zone_files.count == 1 && options->http_listen.count == 0);
    assert_string_equal(options->dns_stub.item[1], "x=::1");
    assert_string_equal(options->log_format, "json");
    assert_string_equal(options->results_style, "provider");
    assert_true(a->without == LISTENER_WITHOUT_IPREV && c->without == 0);
    assert_true(b->without == (LISTENER_WITHOUT_SPF | LISTENER_WITHOUT_IPREV | LISTENER_WITHOUT_DMARC));
    assert_true(options->arc_seal == 1 && options->trusts_received == 1 && options->arc_trusted_sealers.count == 2);
    assert_true(options->listener[3].downstream_kind == DOWNSTREAM_TESTER && options->tester_enabled == 1);
    assert_true(options->tester_listen.count == 2 && options->tester_retention_ms == 3600000 && options->tester_tests_max == 5);
    assert_string_equal(options->tester_domain, "t.example");
    assert_string_equal(options->tester_base_url, "https://t.example");
    assert_string_equal(options->arc_key_file, "/k 1");
    assert_string_equal(options->arc_next_selector, "s2");
    assert_string_equal(options->arc_trusted_sealers.item[1], "c.example");
    assert_true(options->rules_file.count == 1 && options->rules_discard == 1 && options->rules_shadow == 0);
    assert_string_equal(options->rules_file.item[0], "/r 1");
    assert_string_equal(options->rules_quarantine.item[0], "j=maildir:/j");
    assert_true(options->replay_window_ms == 3600000 && options->replay_memory_max == 4194304);
    options_release(options);
}

static char *dump(const struct options *options) {
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    options_dump(options, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void what_is_dumped_reads_back(void **state) {
    (void)state;
    const char *const texts[] = {LISTENER, whole};
    for (size_t i = 0; i < 2; i++) {
        struct options *options = must_read(texts[i]);
        char *first = dump(options);
        struct options *again = must_read(first);
        char *second = dump(again);
        assert_string_equal(first, second);
        assert_int_equal(again->listener_count, options->listener_count);
        assert_string_equal(again->spool_directory, options->spool_directory);
        for (size_t k = 0; k < options->listener_count; k++)
            if (options->listener[k].maildir != NULL)
                assert_string_equal(again->listener[k].maildir, options->listener[k].maildir);
        free(first);
        free(second);
        options_release(options);
        options_release(again);
    }
}

static void a_bad_file_leaves_no_trace(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) { /* libconfuse's scanner is global */
        char *error;
        assert_null(read_text(wrong[i].text, &error));
        free(error);
        options_release(must_read(LISTENER));
    }
}

static void references_are_counted(void **state) {
    (void)state;
    struct options *options = must_read(LISTENER);
    assert_ptr_equal(options_acquire(options), options);
    options_release(options);
    assert_int_equal(options->listener_count, 1);
    options_release(options);
    options_release(NULL);
}

/* ---- docs/configuration.md ---- */

static char *read_docs(void) {
    char docs[4096];
    const char *source = getenv("SCEAU_SOURCE");
    snprintf(docs, sizeof docs, "%s/docs/configuration.md", source != NULL ? source : ".");
    FILE *file = fopen(docs, "r");
    if (file == NULL) fail_msg("%s cannot be read", docs);
    char *text = calloc(1, 1 << 18);
    assert_true(fread(text, 1, (1 << 18) - 1, file) > 0);
    fclose(file);
    return text;
}

static size_t rows_in(const char *docs) {
    size_t count = 0;
    for (const char *at = docs; (at = strstr(at, "\n| `")) != NULL; at++) count++;
    return count;
}

static void want_row(const char *docs, const char *row) {
    if (strstr(docs, row) == NULL) fail_msg("docs/configuration.md lacks the row\n%s", row);
}

static void docs_have_a_row_for_every_option(void **state) {
    (void)state;
    char *docs = read_docs(), row[2048];
    size_t rows = 0;
    static const char *const kinds[] = {"size", "time", "number", "true or false"};
#define OPTION(field, section, key, kind, least, most, standard, help)                                                 \
    {                                                                                                                  \
        char texts[3][OPTION_VALUE_TEXT_MAX];                                                                          \
        const int64_t values[3] = {standard, least, most};                                                             \
        for (size_t i = 0; i < 3; i++) option_value_format(OPTION_##kind, values[i], texts[i]);                        \
        bool flag = OPTION_##kind == OPTION_FLAG;                                                                      \
        snprintf(row, sizeof row, "\n| `%s` | %s%s%s%s%s | %s | %s |\n", key, kinds[OPTION_##kind], flag ? "" : ", ",  \
                 flag ? "" : texts[1], flag ? "" : " to ", flag ? "" : texts[2], texts[0], help);                      \
        want_row(docs, row);                                                                                           \
        rows++;                                                                                                        \
    }
#define SETTING(section, key, reader, count, form, standard, help)                                                     \
    snprintf(row, sizeof row, "\n| `%s` | %s | %s | %s |\n", key, form, standard, help);                               \
    want_row(docs, row);                                                                                               \
    rows++;
#include "base/options.def"
    assert_int_equal(rows_in(docs), rows);
    free(docs);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they have address space of their own */
/* libconfuse would not survive its own. */
static void a_reload_short_of_memory_does_not_begin(void **state) {
    (void)state;
    struct rlimit before;
    char *error, *end;
    write_file(LISTENER, strlen(LISTENER));
    (void)malloc_trim(0); /* what earlier tests have left would be room */
    FILE *file = fopen("/proc/self/statm", "r");
    char pages[32] = "";
    assert_true(file != NULL && fgets(pages, sizeof pages, file) != NULL && fclose(file) == 0);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    rlim_t now = strtoul(pages, &end, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
    struct rlimit tight = {.rlim_cur = now + (3 << 20), .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    struct options *options = options_read(path, &error);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_null(options);
    assert_non_null(strstr(error, "out of memory"));
    free(error);
}
#else
static void a_reload_short_of_memory_does_not_begin(void **state) { (void)state; }
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_files_are_told_in_one_sentence),
        cmocka_unit_test(a_file_that_is_none_is_told),
        cmocka_unit_test(defaults_are_those_of_the_table),
        cmocka_unit_test(every_setting_is_read),
        cmocka_unit_test(what_is_dumped_reads_back),
        cmocka_unit_test(a_bad_file_leaves_no_trace),
        cmocka_unit_test(a_reload_short_of_memory_does_not_begin),
        cmocka_unit_test(references_are_counted),
        cmocka_unit_test(docs_have_a_row_for_every_option),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
