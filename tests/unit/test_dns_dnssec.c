/* DNSSEC with a real server (NSD) and real signatures (ldns-signzone); skipped when these are not installed. */
#include "verifier/dns_unbound.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/loop.h"

/* Makes three zones in the current folder: signed.test with an unsigned child, bogus.test whose text was changed after
 * it was signed, and plain.test; anchor.ds holds the DS of the first two. */
static const char make_zones[] =
    "set -e\n"
    "head='$TTL 300\n@ SOA ns hostmaster 1 3600 900 86400 60\n@ NS ns\nns A 127.0.0.1\n'\n"
    "printf '$ORIGIN signed.test.\n%s' \"$head\" >signed.test\n"
    "printf 's._domainkey TXT \"genuine\"\nalias CNAME alias2\nalias2 30 CNAME s._domainkey\nout CNAME "
    "s.plain.test.\nchild NS ns\n' >>signed.test\n"
    "printf '$ORIGIN child.signed.test.\n%s' \"$head\" >child.signed.test\n"
    "printf 's TXT \"genuine\"\n' >>child.signed.test\n"
    "printf '$ORIGIN plain.test.\n%s' \"$head\" >plain.test\n"
    "printf 's TXT \"genuine\"\n' >>plain.test\n"
    "printf '$ORIGIN bogus.test.\n%s' \"$head\" >bogus.test\n"
    "printf 's TXT \"genuine\"\nfine TXT \"fine\"\n' >>bogus.test\n"
    "for zone in signed.test bogus.test; do\n"
    "    ksk=$(ldns-keygen -a ECDSAP256SHA256 -k $zone) zsk=$(ldns-keygen -a ECDSAP256SHA256 $zone)\n"
    "    ldns-signzone $zone $ksk $zsk\n"
    "    cat $ksk.ds >>anchor.ds\n"
    "done\n"
    "sed -i 's/\"genuine\"/\"altered\"/' bogus.test.signed\n";

static const char nsd_conf[] =
    "server:\n"
    "  ip-address: 127.0.0.1@%u\n"
    "  username: \"\"\n  chroot: \"\"\n  server-count: 1\n  database: \"\"\n"
    "  pidfile: \"%s/nsd.pid\"\n  zonesdir: \"%s\"\n  xfrdir: \"%s\"\n"
    "  xfrdfile: \"%s/xfrd.state\"\n  zonelistfile: \"%s/zone.list\"\n  logfile: \"%s/nsd.log\"\n"
    "remote-control:\n  control-enable: no\n"
    "zone:\n  name: signed.test\n  zonefile: signed.test.signed\n"
    "zone:\n  name: child.signed.test\n  zonefile: child.signed.test\n"
    "zone:\n  name: bogus.test\n  zonefile: bogus.test.signed\n"
    "zone:\n  name: plain.test\n  zonefile: plain.test\n";

static struct {
    char folder[64];
    unsigned port;
    pid_t nsd;
} house;

static bool runs(const char *command) { return system(command) == 0; }

/* A port that is free for both TCP and UDP a moment before NSD takes it. */
static unsigned free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static bool listens(unsigned port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool good = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return good;
}

static int start_nsd(void **state) {
    char path[128];
    (void)state;
    if (!runs("PATH=$PATH:/usr/sbin; command -v nsd ldns-keygen ldns-signzone >/dev/null")) {
        print_message("skipped: nsd and ldnsutils are not installed\n");
        return 0;
    }
    snprintf(house.folder, sizeof house.folder, "/tmp/sceau-dnssec.XXXXXX");
    assert_non_null(mkdtemp(house.folder));
    const char *folder = house.folder;
    house.port = free_port();
    snprintf(path, sizeof path, "%s/make.sh", folder);
    FILE *script = fopen(path, "w");
    fprintf(script, "cd %s\n%s", folder, make_zones);
    fclose(script);
    snprintf(path, sizeof path, "bash %s/make.sh", folder);
    assert_true(runs(path));
    snprintf(path, sizeof path, "%s/nsd.conf", folder);
    FILE *conf = fopen(path, "w");
    fprintf(conf, nsd_conf, house.port, folder, folder, folder, folder, folder, folder);
    fclose(conf);
    house.nsd = fork();
    if (house.nsd == 0) {
        setpgid(0, 0);
        setenv("PATH", "/usr/sbin:/usr/bin:/bin", 1);
        execlp("nsd", "nsd", "-d", "-c", path, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 200 && !listens(house.port); i++) usleep(50 * 1000);
    assert_true(listens(house.port));
    return 0;
}

static int stop_nsd(void **state) {
    char command[128];
    (void)state;
    if (house.nsd == 0) return 0;
    kill(house.nsd, SIGTERM);
    waitpid(house.nsd, NULL, 0);
    snprintf(command, sizeof command, "rm -r %s", house.folder);
    return runs(command) ? 0 : -1;
}

static struct loop *loop;
static struct dns_answer got; /* without its spans */
static void on_answer(struct dns_query *query, const struct dns_answer *answer) {
    (void)query;
    got = *answer;
    loop_stop(loop);
}

struct row {
    const char *name;
    enum dns_type type;
    enum dns_status status;
    enum dnssec_state dnssec;
    size_t hops;
};

static void ask_all(const struct row *rows, size_t count, const char *trust_anchor, bool forward) {
    static const char *const zones[] = {"signed.test", "child.signed.test", "bogus.test", "plain.test"};
    char upstream[4][64], anchor[128], *error = NULL;
    const char *list[4];
    if (house.nsd == 0) skip();
    for (size_t i = 0; i < 4; i++) {
        snprintf(upstream[i], sizeof upstream[i], "%s%s127.0.0.1@%u", forward ? "" : zones[i], forward ? "" : "=",
                 house.port);
        list[i] = upstream[i];
    }
    snprintf(anchor, sizeof anchor, "%s/anchor.ds", house.folder);
    struct dns_unbound_options options = {.trust_anchor = trust_anchor != NULL ? trust_anchor : anchor,
                                          .query_timeout_ms = 5000,
                                          .in_flight_max = 100,
                                          .in_flight_per_domain_max = 20};
    if (forward)
        options.forward = list, options.forward_count = 1;
    else
        options.stub = list, options.stub_count = 4;
    loop = loop_create();
    struct dns_unbound *unbound = dns_unbound_create(loop, &options, &error);
    if (unbound == NULL) fail_msg("%s", error);
    for (size_t i = 0; i < count; i++) {
        for (int time = 0; time < 2; time++) { /* from the server, and once more, maybe from the cache */
            struct dns_query query = {.answered = on_answer};
            if (dns_lookup(dns_unbound_source(unbound), span_of(rows[i].name), rows[i].type, &query, &got) ==
                DNS_PENDING)
                assert_true(loop_run(loop));
            if (got.status != rows[i].status || got.dnssec != rows[i].dnssec || got.cname_count != rows[i].hops)
                fail_msg("%s (%d): %s, %s, %zu hops", rows[i].name, time, dns_status_word(got.status),
                         dnssec_state_word(got.dnssec), got.cname_count);
            assert_int_equal(got.record_count,
                             rows[i].status == DNS_FOUND ? 1 : 0); /* a bogus answer's data is not handed out */
        }
    }
    dns_unbound_destroy(unbound);
    loop_destroy(loop);
}

static void every_state_is_told(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"s._domainkey.signed.test", DNS_TXT, DNS_FOUND, DNSSEC_SECURE, 0},
        {"alias.signed.test", DNS_TXT, DNS_FOUND, DNSSEC_SECURE, 2},
        {"none.signed.test", DNS_TXT, DNS_NXDOMAIN, DNSSEC_SECURE, 0},
        {"s._domainkey.signed.test", DNS_MX, DNS_NODATA, DNSSEC_SECURE, 0},
        {"s.child.signed.test", DNS_TXT, DNS_FOUND, DNSSEC_INSECURE, 0}, /* the parent proves that there is no DS */
        {"none.child.signed.test", DNS_TXT, DNS_NXDOMAIN, DNSSEC_INSECURE, 0},
        {"s.plain.test", DNS_TXT, DNS_FOUND, DNSSEC_INSECURE, 0},    /* no anchor above it */
        {"out.signed.test", DNS_TXT, DNS_FOUND, DNSSEC_INSECURE, 1}, /* a chain is as secure as its weakest hop */
        {"s.bogus.test", DNS_TXT, DNS_BOGUS, DNSSEC_BOGUS, 0},
        {"fine.bogus.test", DNS_TXT, DNS_FOUND, DNSSEC_SECURE, 0}, /* only the altered one is bogus */
    };
    ask_all(rows, sizeof rows / sizeof *rows, NULL, false);
}

static void answers_of_a_forwarder_are_validated_again(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"s._domainkey.signed.test", DNS_TXT, DNS_FOUND, DNSSEC_SECURE, 0},
        {"s.bogus.test", DNS_TXT, DNS_BOGUS, DNSSEC_BOGUS, 0},
    };
    ask_all(rows, sizeof rows / sizeof *rows, NULL, true);
}

static void without_validation_nothing_is_known(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"s._domainkey.signed.test", DNS_TXT, DNS_FOUND, DNSSEC_INDETERMINATE, 0},
        {"s.plain.test", DNS_TXT, DNS_FOUND, DNSSEC_INDETERMINATE, 0},
        {"s.bogus.test", DNS_TXT, DNS_FOUND, DNSSEC_INDETERMINATE, 0},
    };
    ask_all(rows, sizeof rows / sizeof *rows, "none", false);
}

/* The root denies test., and is not even reachable here. */
static void special_zones_need_no_proof_from_the_root(void **state) {
    (void)state;
    static const struct row rows[] = {{"s.plain.test", DNS_TXT, DNS_FOUND, DNSSEC_INSECURE, 0}};
    ask_all(rows, 1, "", false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_is_told),
        cmocka_unit_test(answers_of_a_forwarder_are_validated_again),
        cmocka_unit_test(without_validation_nothing_is_known),
        cmocka_unit_test(special_zones_need_no_proof_from_the_root),
    };
    return cmocka_run_group_tests(tests, start_nsd, stop_nsd);
}
