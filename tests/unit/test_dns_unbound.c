#include "verifier/dns_unbound.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/loop.h"
#include "verifier/dns_name.h"

/* --- An authoritative server on the test's own loop. What it does depends on the start of the first label:
 *     "drop": nothing; "slow": answers after 100 ms; "fail": SERVFAIL; "none": NXDOMAIN; "empty": NODATA; "chain": two
 *     CNAMEs to "chain"'s end; "hops9": nine CNAMEs; anything else: the TXT record "hello". --- */

struct reply {
    struct bytes packet;
    struct sockaddr_in to;
    struct loop_timer *timer;
};

static struct {
    struct loop *loop;
    int fd;
    unsigned port;
    struct loop_watch *watch;
    unsigned questions; /* for TXT */
    unsigned dropped;
    struct reply *reply[4096];
    size_t replies;
} server;

static void put_u16(struct bytes *out, unsigned value) {
    bytes_append_char(out, (char)(value >> 8));
    bytes_append_char(out, (char)value);
}

static void put_name(struct bytes *out, const char *text) {
    struct dns_name name;
    assert_true(dns_name_from_text(span_of(text), NULL, &name));
    bytes_append(out, (struct span){(char *)name.wire, name.len});
}

static void put_record(struct bytes *out, const char *owner, unsigned type, unsigned ttl_s, const void *data,
                       size_t len) {
    put_name(out, owner);
    put_u16(out, type);
    put_u16(out, 1);
    put_u16(out, 0);
    put_u16(out, ttl_s);
    put_u16(out, (unsigned)len);
    bytes_append(out, (struct span){data, len});
}

static void put_cname(struct bytes *out, const char *owner, unsigned ttl_s, const char *target) {
    struct dns_name name;
    assert_true(dns_name_from_text(span_of(target), NULL, &name));
    put_record(out, owner, DNS_CNAME, ttl_s, name.wire, name.len);
}

static void put_soa(struct bytes *out) {
    static const char data[] = "\2ns\4test\0\1h\4test\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\55";
    put_record(out, "test", 6, 300, data, sizeof data - 1);
}

static void send_reply(void *owner) {
    struct reply *reply = owner;
    (void)sendto(server.fd, reply->packet.ptr, reply->packet.len, 0, (struct sockaddr *)&reply->to, sizeof reply->to);
}

/* Counts: answers, authority records, response code. */
static unsigned put_answer(struct bytes *out, const char *name, unsigned type, unsigned *authority, unsigned *rcode) {
    *authority = *rcode = 0;
    if (strncmp(name, "fail", 4) == 0) return *rcode = 2, 0;
    if (strncmp(name, "none", 4) == 0 || strncmp(name, "empty", 5) == 0 || type != DNS_TXT) {
        *rcode = strncmp(name, "none", 4) == 0 ? 3 : 0;
        *authority = 1;
        put_soa(out);
        return 0;
    }
    if (strncmp(name, "chain.", 6) == 0) {
        put_cname(out, name, 300, "one.chain2.test");
        put_cname(out, "one.chain2.test", 20, "end.chain2.test");
        put_record(out, "end.chain2.test", DNS_TXT, 300, "\5hello", 6);
        return 3;
    }
    if (strcmp(name, "one.chain2.test") == 0) {
        put_cname(out, name, 20, "end.chain2.test");
        return 1;
    }
    if (strncmp(name, "hop", 3) == 0 && name[3] < '9') {
        char target[32];
        snprintf(target, sizeof target, "hop%d.test", name[3] - '0' + 1);
        put_cname(out, name, 300, target);
        return 1;
    }
    put_record(out, name, DNS_TXT, 300, "\5hello", 6);
    return 1;
}

static void answer_question(struct reply *reply, struct span query) {
    struct dns_name name;
    char text[DNS_NAME_TEXT_MAX + 1];
    size_t at = 12;
    unsigned authority, rcode;
    if (query.len < 12 || !dns_name_unpack(query, &at, &name) || query.len - at < 4) return;
    text[dns_name_to_text(&name, text)] = '\0';
    unsigned type = (unsigned)((unsigned char)query.ptr[at] << 8 | (unsigned char)query.ptr[at + 1]);
    if (type == DNS_TXT) server.questions++;
    if (strncmp(text, "drop", 4) == 0) {
        server.dropped++;
        return;
    }
    struct bytes *out = &reply->packet;
    bytes_append(out, span_first(query, 2));
    for (int i = 0; i < 5; i++) put_u16(out, 0);
    bytes_append(out, (struct span){query.ptr + 12, at + 4 - 12});
    unsigned answers = put_answer(out, text, type, &authority, &rcode);
    out->ptr[2] = (char)0x84; /* a response, authoritative */
    out->ptr[3] = (char)rcode;
    out->ptr[5] = 1;
    out->ptr[7] = (char)answers;
    out->ptr[9] = (char)authority;
    if (strncmp(text, "slow", 4) == 0 && type == DNS_TXT) {
        reply->timer = loop_timer_create(server.loop, send_reply, reply);
        loop_timer_start(reply->timer, 100);
    } else {
        send_reply(reply);
    }
}

static void on_query(void *owner, unsigned events) {
    char query[1500];
    (void)owner;
    (void)events;
    struct reply *reply = calloc(1, sizeof *reply);
    socklen_t len = sizeof reply->to;
    ssize_t got = recvfrom(server.fd, query, sizeof query, 0, (struct sockaddr *)&reply->to, &len);
    assert_true(server.replies < sizeof server.reply / sizeof *server.reply);
    server.reply[server.replies++] = reply;
    reply->packet = bytes_with_cap(4096);
    if (got > 0) answer_question(reply, (struct span){query, (size_t)got});
}

static int start_server(void **state) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    (void)state;
    memset(&server, 0, sizeof server);
    server.loop = loop_create();
    server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(server.fd, SOL_SOCKET, SO_RCVBUF, &(int){4 << 20}, sizeof(int)), 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &len), 0);
    server.port = ntohs(address.sin_port);
    server.watch = loop_watch_create(server.loop, server.fd, on_query, NULL);
    assert_true(loop_watch_want(server.watch, LOOP_READ));
    return 0;
}

static int stop_server(void **state) {
    (void)state;
    for (size_t i = 0; i < server.replies; i++) {
        loop_timer_destroy(server.reply[i]->timer);
        bytes_release(&server.reply[i]->packet);
        free(server.reply[i]);
    }
    loop_watch_destroy(server.watch);
    close(server.fd);
    loop_destroy(server.loop);
    return 0;
}

/* --- The resolver and its askers --- */

static struct dns_unbound *unbound;

static struct dns_unbound *create(const char *zone, unsigned port, int64_t timeout_ms, unsigned in_flight,
                                  unsigned per_domain) {
    char upstream[128], *error = NULL;
    snprintf(upstream, sizeof upstream, "%s%s127.0.0.1@%u", zone, zone[0] != '\0' ? "=" : "", port);
    const char *list[] = {upstream};
    struct dns_unbound_options options = {.trust_anchor = "none",
                                          .query_timeout_ms = timeout_ms,
                                          .in_flight_max = in_flight,
                                          .in_flight_per_domain_max = per_domain};
    if (zone[0] != '\0')
        options.stub = list, options.stub_count = 1;
    else
        options.forward = list, options.forward_count = 1;
    struct dns_unbound *made = dns_unbound_create(server.loop, &options, &error);
    if (made == NULL) fail_msg("%s", error);
    return made;
}

struct asker {
    struct dns_query query; /* first */
    bool in_lookup, answered, wants_stop;
    enum dns_status status;
    enum dnssec_state dnssec;
    uint32_t ttl_s;
    size_t records, hops;
    char record[256], hop[DNS_CNAME_MAX][256];
    int64_t asked_us, took_us;
};

static unsigned unanswered;

static void take(struct asker *asker, const struct dns_answer *answer) {
    assert_false(asker->answered); /* never twice */
    asker->answered = true;
    asker->status = answer->status;
    asker->dnssec = answer->dnssec;
    asker->ttl_s = answer->ttl_s;
    asker->records = answer->record_count;
    asker->hops = answer->cname_count;
    if (answer->record_count > 0)
        snprintf(asker->record, sizeof asker->record, "%.*s", (int)answer->record[0].len, answer->record[0].ptr);
    for (size_t i = 0; i < answer->cname_count; i++)
        snprintf(asker->hop[i], sizeof asker->hop[i], "%.*s", (int)answer->cname[i].len, answer->cname[i].ptr);
    asker->took_us = clock_monotonic_us(&clock_system) - asker->asked_us;
}

static void on_answer(struct dns_query *query, const struct dns_answer *answer) {
    struct asker *asker = (struct asker *)(void *)query;
    assert_false(asker->in_lookup); /* never by the callback before the call has returned */
    take(asker, answer);
    if (--unanswered == 0) loop_stop(server.loop);
}

static enum dns_progress ask(struct asker *asker, const char *name, enum dns_type type) {
    struct dns_answer answer;
    *asker =
        (struct asker){.query.answered = on_answer, .in_lookup = true, .asked_us = clock_monotonic_us(&clock_system)};
    enum dns_progress progress = dns_lookup(dns_unbound_source(unbound), span_of(name), type, &asker->query, &answer);
    asker->in_lookup = false;
    if (progress == DNS_ANSWERED)
        take(asker, &answer);
    else
        unanswered++;
    return progress;
}

static void wait_for_all(void) {
    if (unanswered > 0) assert_true(loop_run(server.loop));
}

static void stop(void *owner) {
    (void)owner;
    loop_stop(server.loop);
}

static void run_for(int64_t ms) {
    struct loop_timer *timer = loop_timer_create(server.loop, stop, NULL);
    loop_timer_start(timer, ms);
    assert_true(loop_run(server.loop));
    loop_timer_destroy(timer);
}

static void every_outcome_is_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum dns_type type;
        enum dns_status status;
        size_t records, hops;
        uint32_t ttl_s;
    } rows[] = {
        {"a.x.test", DNS_TXT, DNS_FOUND, 1, 0, 300},
        {"A.X.Test", DNS_TXT, DNS_FOUND, 1, 0, 300},      /* the same from the cache */
        {"none.x.test", DNS_TXT, DNS_NXDOMAIN, 0, 0, 45}, /* argument 0, the code inside of the packet */
        {"empty.x.test", DNS_TXT, DNS_NODATA, 0, 0, 45},
        {"a.x.test", DNS_MX, DNS_NODATA, 0, 0, 45},
        {"fail.x.test", DNS_TXT, DNS_SERVFAIL, 0, 0, 0},
        {"chain.test", DNS_TXT, DNS_FOUND, 1, 2, 20}, /* the least TTL along the chain */
        {"hop2.test", DNS_TXT, DNS_FOUND, 1, 7, 300},
        {"odd\\.label.b c.x.test", DNS_TXT, DNS_FOUND, 1, 0, 300},
        {"a..b", DNS_TXT, DNS_NXDOMAIN, 0, 0, 0},
    };
    unbound = create("test", server.port, 5000, 100, 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct asker asker;
        ask(&asker, rows[i].name, rows[i].type);
        wait_for_all();
        if (asker.status != rows[i].status || asker.records != rows[i].records || asker.hops != rows[i].hops ||
            asker.ttl_s != rows[i].ttl_s || asker.dnssec != DNSSEC_INDETERMINATE)
            fail_msg("%s: %s, %zu records, %zu hops, ttl %u, %s", rows[i].name, dns_status_word(asker.status),
                     asker.records, asker.hops, asker.ttl_s, dnssec_state_word(asker.dnssec));
        if (asker.records > 0) assert_string_equal(asker.record, "hello");
        if (i == 1) assert_int_equal(server.questions, 1);
        if (asker.hops == 2) {
            assert_string_equal(asker.hop[0], "one.chain2.test");
            assert_string_equal(asker.hop[1], "end.chain2.test");
        }
    }
    dns_unbound_destroy(unbound);
}

static void a_cached_answer_comes_by_return_value(void **state) { /* libunbound calls back inside of ub_resolve_event */
    (void)state;
    struct asker asker;
    unbound = create("test", server.port, 5000, 100, 20);
    assert_int_equal(ask(&asker, "a.x.test", DNS_TXT), DNS_PENDING);
    wait_for_all();
    for (int i = 0; i < 3; i++) assert_int_equal(ask(&asker, "a.x.test", DNS_TXT), DNS_ANSWERED);
    assert_string_equal(asker.record, "hello");
    assert_int_equal(dns_unbound_in_flight(unbound), 0);
    dns_unbound_destroy(unbound);
}

/* libunbound denies test. and the others by itself; a stub or a forwarder must be asked all the same. */
static void special_zones_are_served_where_a_server_is_named(void **state) {
    (void)state;
    static const struct {
        const char *zone, *name;
    } rows[] = {
        {"test", "a.test"},
        {"deep.rig.test", "a.deep.rig.test"},
        {"home.arpa", "a.home.arpa"},
        {"10.in-addr.arpa", "1.0.0.10.in-addr.arpa"},
        {"in-addr.arpa", "1.0.20.172.in-addr.arpa"},
        {"2.1.100.100.in-addr.arpa", "3.2.1.100.100.in-addr.arpa"},
        {"", "a.test"},
        {"", "a.onion"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct asker asker;
        unbound = create(rows[i].zone, server.port, 5000, 100, 20);
        ask(&asker, rows[i].name, DNS_TXT);
        wait_for_all();
        if (asker.status != DNS_FOUND)
            fail_msg("%s at %s: %s", rows[i].name, rows[i].zone, dns_status_word(asker.status));
        dns_unbound_destroy(unbound);
    }
    struct asker asker; /* and not where none is */
    unbound = create("rig.test", server.port, 5000, 100, 20);
    ask(&asker, "a.onion", DNS_TXT);
    wait_for_all();
    assert_int_equal(asker.status, DNS_NXDOMAIN);
    dns_unbound_destroy(unbound);
}

static void a_dead_server_costs_two_seconds(void **state) { /* and not 17 */
    (void)state;
    struct asker first, second;
    unbound = create("test", server.port, 10000, 100, 20);
    ask(&first, "drop.x.test", DNS_TXT);
    wait_for_all();
    ask(&second, "drop2.x.test", DNS_TXT);
    wait_for_all();
    print_message("dead server: %lld ms, then %lld ms\n", (long long)first.took_us / 1000,
                  (long long)second.took_us / 1000);
    assert_int_equal(first.status, DNS_SERVFAIL);
    assert_in_range(first.took_us, 300 * 1000, 3000 * 1000);
    assert_int_equal(second.status, DNS_SERVFAIL);
    assert_in_range(second.took_us, 0, 3000 * 1000);
    dns_unbound_destroy(unbound);
}

/* How many of eight names a forwarder answers that stays silent to as many others in between. */
static int answered_between_silences(void) {
    struct asker silent, other;
    int found = 0;
    unbound = create("", server.port, 1000, 100, 20);
    for (int i = 0; i < 8; i++) {
        char name[64];
        snprintf(name, sizeof name, "drop%d.x%d.test", i, i);
        ask(&silent, name, DNS_TXT);
        run_for(400);
        snprintf(name, sizeof name, "a.y%d.test", i);
        ask(&other, name, DNS_TXT);
        wait_for_all();
        assert_int_equal(silent.status, DNS_TIMEOUT);
        found += other.status == DNS_FOUND;
    }
    dns_unbound_destroy(unbound);
    return found;
}

/* A forwarder taken for dead answers for none. Round-trip times decide that, and a busy machine distorts them: three goes. */
static void a_silent_name_does_not_silence_its_forwarder(void **state) {
    (void)state;
    int found = 0;
    for (int go = 0; go < 3 && found < 6; go++) found = answered_between_silences();
    assert_in_range(found, 6, 8);
}

static void a_query_has_its_deadline(void **state) {
    (void)state;
    struct asker asker[30];
    unbound = create("test", server.port, 300, 100, 20);
    for (int i = 0; i < 30; i++) { /* ten of them wait for a place until their time is over */
        char name[64];
        snprintf(name, sizeof name, "drop%d.x.test", i);
        assert_int_equal(ask(&asker[i], name, DNS_TXT), DNS_PENDING);
    }
    assert_int_equal(dns_unbound_in_flight(unbound), 20);
    assert_int_equal(dns_unbound_waiting(unbound), 10);
    wait_for_all();
    for (int i = 0; i < 30; i++) {
        assert_int_equal(asker[i].status, DNS_TIMEOUT);
        assert_in_range(asker[i].took_us, 300 * 1000, 2000 * 1000);
    }
    assert_int_equal(dns_unbound_waiting(unbound), 0);
    assert_int_equal(dns_unbound_in_flight(unbound), 20); /* libunbound is not done with them */
    run_for(4000);
    assert_int_equal(dns_unbound_in_flight(unbound), 0);
    dns_unbound_destroy(unbound);
}

static void a_cancelled_query_is_never_answered(void **state) {
    (void)state;
    struct asker slow, waiting[3], kept;
    struct dns_source *source;
    unbound = create("test", server.port, 5000, 100, 1);
    source = dns_unbound_source(unbound);
    ask(&slow, "slow.x.test", DNS_TXT);
    for (int i = 0; i < 3; i++) ask(&waiting[i], "a.x.test", DNS_TXT);
    ask(&kept, "b.x.test", DNS_TXT);
    assert_int_equal(dns_unbound_in_flight(unbound), 1);
    dns_cancel(source, &waiting[1].query); /* while it waits */
    dns_cancel(source, &slow.query);       /* while it runs */
    unanswered -= 2;
    wait_for_all();
    run_for(200);
    assert_false(slow.answered);
    assert_false(waiting[1].answered);
    assert_true(waiting[0].answered && waiting[2].answered && kept.answered); /* behind the cancelled one */
    assert_int_equal(dns_unbound_in_flight(unbound), 0);
    dns_unbound_destroy(unbound);
}

/* Two queries that are finished in the same moment: whichever is answered first cancels the other. */
static struct asker twin[2];
static void cancel_other(struct dns_query *query, const struct dns_answer *answer) {
    struct asker nested, *asker = (struct asker *)(void *)query;
    take(asker, answer);
    dns_cancel(dns_unbound_source(unbound), &twin[asker == &twin[0]].query);
    assert_int_equal(ask(&nested, "a.x.test", DNS_TXT), DNS_ANSWERED);
    assert_true(span_is(answer->record[0], "hello")); /* not disturbed by the answer from the cache */
    loop_stop(server.loop);
}

static void a_callback_may_ask_and_cancel(void **state) {
    (void)state;
    struct asker first;
    unbound = create("test", server.port, 5000, 100, 20);
    ask(&first, "a.x.test", DNS_TXT);
    wait_for_all();
    for (int i = 0; i < 2; i++) {
        ask(&twin[i], "slow.x.test", DNS_TXT);
        twin[i].query.answered = cancel_other;
    }
    unanswered = 0;
    assert_true(loop_run(server.loop));
    run_for(50);
    assert_true(twin[0].answered != twin[1].answered);
    assert_int_equal(dns_unbound_in_flight(unbound), 0);
    dns_unbound_destroy(unbound);
}

static void a_flood_stays_capped(void **state) {
    (void)state;
    enum { FLOOD = 2000, DOMAINS = 100, CAP = 300 };
    static struct asker asker[FLOOD];
    unsigned most = 0;
    unbound = create("test", server.port, 20000, CAP, 20);
    for (int i = 0; i < FLOOD; i++) {
        char name[64];
        snprintf(name, sizeof name, "slow%d.d%d.test", i, i % DOMAINS);
        assert_int_equal(ask(&asker[i], name, DNS_TXT), DNS_PENDING);
        if (dns_unbound_in_flight(unbound) > most) most = dns_unbound_in_flight(unbound);
    }
    assert_int_equal(most, CAP);
    assert_int_equal(dns_unbound_waiting(unbound), FLOOD - CAP);
    wait_for_all();
    for (int i = 0; i < FLOOD; i++) assert_int_equal(asker[i].status, DNS_FOUND);
    assert_int_equal(dns_unbound_in_flight(unbound), 0);
    dns_unbound_destroy(unbound);
}

static void one_domain_is_capped(void **state) {
    (void)state;
    enum { FLOOD = 200 };
    static struct asker asker[FLOOD];
    struct asker other;
    unbound = create("test", server.port, 20000, 1000, 20);
    for (int i = 0; i < FLOOD; i++) {
        char name[64];
        snprintf(name, sizeof name, "slow%d.flood.test", i);
        ask(&asker[i], name, DNS_TXT);
    }
    assert_int_equal(dns_unbound_in_flight(unbound), 20);
    ask(&other, "a.calm.test", DNS_TXT); /* others are not held up */
    assert_int_equal(dns_unbound_in_flight(unbound), 21);
    wait_for_all();
    assert_in_range(other.took_us, 0, 500 * 1000); /* the flood takes 1 s */
    dns_unbound_destroy(unbound);
}

static void destroying_drops_what_is_pending(void **state) {
    (void)state;
    struct asker asker[40];
    unbound = create("test", server.port, 5000, 30, 20);
    for (int i = 0; i < 40; i++) {
        char name[64];
        snprintf(name, sizeof name, "drop%d.d%d.test", i, i % 3);
        ask(&asker[i], name, DNS_TXT);
    }
    dns_cancel(dns_unbound_source(unbound), &asker[0].query);
    run_for(50);
    dns_unbound_destroy(unbound);
    run_for(50);
    for (int i = 0; i < 40; i++) assert_false(asker[i].answered);
    unanswered = 0;
}

static void bad_options_are_one_sentence(void **state) {
    (void)state;
    static const char *const bad_stub[] = {"rig.test"}, *const bad_forward[] = {"1.2.3.4.5"};
    char path[] = "/tmp/sceau-anchor.XXXXXX", wanted[256], *error;
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "rig.test. IN DS not an anchor\n", 30), 30);
    close(fd);
    struct dns_unbound_options options = {.query_timeout_ms = 1000, .in_flight_max = 10, .in_flight_per_domain_max = 2};
    options.trust_anchor = "/nonexistent/anchor";
    assert_null(dns_unbound_create(server.loop, &options, &error));
    assert_string_equal(error, "/nonexistent/anchor: No such file or directory");
    free(error);
    options.trust_anchor = path;
    assert_null(dns_unbound_create(server.loop, &options, &error));
    snprintf(wanted, sizeof wanted, "resolver: parse error in %s", path);
    if (strncmp(error, wanted, strlen(wanted)) != 0 || strchr(error, '\n') != NULL) fail_msg("%s", error);
    free(error);
    options.trust_anchor = "none";
    options.stub = bad_stub, options.stub_count = 1;
    assert_null(dns_unbound_create(server.loop, &options, &error));
    assert_string_equal(error, "\"rig.test\": ZONE=ADDR@PORT is wanted");
    free(error);
    options.forward = bad_forward, options.forward_count = 1;
    assert_null(dns_unbound_create(server.loop, &options, &error));
    assert_string_equal(error, "\"1.2.3.4.5\": ADDR@PORT with an IPv4 or IPv6 address is wanted");
    free(error);
    options = (struct dns_unbound_options){
        .trust_anchor = "", .query_timeout_ms = 1000, .in_flight_max = 10, .in_flight_per_domain_max = 2};
    unbound = dns_unbound_create(server.loop, &options, &error); /* own recursion, the root's anchor */
    if (unbound == NULL) fail_msg("%s", error);
    dns_unbound_destroy(unbound);
    unlink(path);
}

/* What docs/dns.md says about cached look-ups comes from here. */
static void a_cached_lookup_is_cheap(void **state) {
    (void)state;
    enum { TIMES = 20000 };
    struct asker asker;
    struct timespec before, after;
    unbound = create("test", server.port, 5000, 100, 20);
    ask(&asker, "a.x.test", DNS_TXT);
    wait_for_all();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    for (int i = 0; i < TIMES; i++) assert_int_equal(ask(&asker, "a.x.test", DNS_TXT), DNS_ANSWERED);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    double us = ((double)(after.tv_sec - before.tv_sec) * 1e9 + (double)(after.tv_nsec - before.tv_nsec)) / 1e3 / TIMES;
    print_message("cached lookup: %.1f us of CPU\n", us);
    assert_true(us < 1000);
    dns_unbound_destroy(unbound);
}

#define with_server(test) cmocka_unit_test_setup_teardown(test, start_server, stop_server)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_server(every_outcome_is_told_apart),
        with_server(a_cached_answer_comes_by_return_value),
        with_server(special_zones_are_served_where_a_server_is_named),
        with_server(a_dead_server_costs_two_seconds),
        with_server(a_silent_name_does_not_silence_its_forwarder),
        with_server(a_query_has_its_deadline),
        with_server(a_cancelled_query_is_never_answered),
        with_server(a_callback_may_ask_and_cancel),
        with_server(a_flood_stays_capped),
        with_server(one_domain_is_capped),
        with_server(destroying_drops_what_is_pending),
        with_server(bad_options_are_one_sentence),
        with_server(a_cached_lookup_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
