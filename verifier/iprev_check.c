#include "verifier/iprev_check.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "verifier/domain_name.h"

enum {
    NAMES_MAX = 5,    /* of one PTR answer; the rest is not looked at */
    REVERSE_MAX = 80, /* 32 nibbles with their dots, and ip6.arpa */
};

/* A name that the address claims, and what its own addresses said. */
struct candidate {
    struct dns_query query;
    struct iprev_check *check;
    bool is_pending, leads_back, has_failed;
    size_t len;
    char name[DOMAIN_NAME_MAX];
};

enum state { STATE_REVERSE, STATE_FORWARD, STATE_DONE };

struct iprev_check {
    struct dns_source *dns;
    void (*done)(void *owner);
    void *owner;
    enum state state;
    uint8_t address[16];
    size_t address_len; /* 4 or 16 octets */
    char text[INET6_ADDRSTRLEN];
    char reverse[REVERSE_MAX];
    struct dns_query query; /* PTR */
    size_t count;
    struct candidate candidate[NAMES_MAX];
    struct iprev_result result;
};

static struct span name_of(const struct candidate *candidate) { return (struct span){candidate->name, candidate->len}; }

static bool is_failure(enum dns_status status) {
    return status == DNS_SERVFAIL || status == DNS_TIMEOUT || status == DNS_BOGUS;
}

static void cancel_all(struct iprev_check *check) {
    if (check->state == STATE_REVERSE) dns_cancel(check->dns, &check->query);
    for (size_t i = 0; i < check->count; i++) {
        if (check->candidate[i].is_pending) dns_cancel(check->dns, &check->candidate[i].query);
        check->candidate[i].is_pending = false;
    }
    check->state = STATE_DONE;
}

static void finish(struct iprev_check *check, enum auth_result result, struct span name) {
    cancel_all(check);
    check->result.result = result;
    check->result.name = name;
}

/* ---- Forward: the first name, in the order of the answer, that has the address ---- */

static void read_addresses(struct candidate *candidate, const struct dns_answer *answer) {
    const struct iprev_check *check = candidate->check;
    candidate->is_pending = false;
    candidate->has_failed = is_failure(answer->status);
    for (size_t i = 0; i < answer->record_count; i++)
        if (span_equal(answer->record[i], (struct span){(const char *)check->address, check->address_len}))
            candidate->leads_back = true;
}

/* True: the result is there. A name is passed over only once its addresses are known. */
static bool settle(struct iprev_check *check) {
    bool has_failed = false;
    if (check->state == STATE_DONE) return true;
    for (size_t i = 0; i < check->count; i++) {
        const struct candidate *candidate = &check->candidate[i];
        if (candidate->is_pending) return false;
        if (candidate->leads_back) {
            finish(check, RESULT_PASS, name_of(candidate));
            return true;
        }
        has_failed |= candidate->has_failed;
    }
    finish(check, has_failed ? RESULT_TEMPERROR : RESULT_FAIL, (struct span){NULL, 0});
    return true;
}

static void forward_answered(struct dns_query *query, const struct dns_answer *answer) {
    struct candidate *candidate = LIST_ENTRY(query, struct candidate, query);
    struct iprev_check *check = candidate->check;
    read_addresses(candidate, answer);
    if (settle(check)) check->done(check->owner);
}

/* All names at once. They are copied before, since the answer that holds them ends with the next question. */
static bool ask_forward(struct iprev_check *check, const struct dns_answer *names) {
    check->state = STATE_FORWARD;
    for (size_t i = 0; i < names->record_count && check->count < NAMES_MAX; i++) {
        struct candidate *candidate = &check->candidate[check->count];
        *candidate = (struct candidate){.query = {.answered = forward_answered}, .check = check};
        candidate->len = domain_name_write(names->record[i], false, candidate->name);
        if (candidate->len > 0) check->count++; /* what is no host name cannot be ours to show either */
    }
    enum dns_type type = check->address_len == 4 ? DNS_A : DNS_AAAA;
    for (size_t i = 0; i < check->count; i++) {
        struct candidate *candidate = &check->candidate[i];
        struct dns_answer answer;
        candidate->is_pending =
            dns_lookup(check->dns, name_of(candidate), type, &candidate->query, &answer) == DNS_PENDING;
        if (!candidate->is_pending) read_addresses(candidate, &answer);
    }
    return settle(check);
}

/* ---- Reverse ---- */

/* RFC 8601 section 2.7.3: no PTR record is permerror. True: the result is there. */
static bool read_names(struct iprev_check *check, const struct dns_answer *answer) {
    if (answer->status == DNS_FOUND) return ask_forward(check, answer);
    check->state = STATE_FORWARD; /* its query has been answered */
    finish(check, is_failure(answer->status) ? RESULT_TEMPERROR : RESULT_PERMERROR, (struct span){NULL, 0});
    return true;
}

static void reverse_answered(struct dns_query *query, const struct dns_answer *answer) {
    struct iprev_check *check = LIST_ENTRY(query, struct iprev_check, query);
    if (read_names(check, answer)) check->done(check->owner);
}

/* RFC 1035 section 3.5, RFC 3596 section 2.5. */
static struct span write_reverse(struct iprev_check *check) {
    const uint8_t *a = check->address;
    if (check->address_len == 4) {
        snprintf(check->reverse, sizeof check->reverse, "%u.%u.%u.%u.in-addr.arpa", a[3], a[2], a[1], a[0]);
        return span_of(check->reverse);
    }
    size_t len = 0;
    for (size_t i = 16; i-- > 0;)
        len += (size_t)snprintf(check->reverse + len, sizeof check->reverse - len, "%x.%x.", a[i] & 15u, a[i] >> 4);
    memcpy(check->reverse + len, "ip6.arpa", sizeof "ip6.arpa");
    return span_of(check->reverse);
}

static void take_address(struct iprev_check *check, const uint8_t *address, bool is_v4) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:a.b.c.d is an IPv4 client */
    bool is_mapped = !is_v4 && memcmp(address, mapped, sizeof mapped) == 0;
    check->address_len = is_v4 || is_mapped ? 4 : 16;
    memcpy(check->address, is_mapped ? address + sizeof mapped : address, check->address_len);
    if (inet_ntop(check->address_len == 4 ? AF_INET : AF_INET6, check->address, check->text, sizeof check->text) ==
        NULL)
        check->text[0] = '\0';
}

/* ---- Making and asking ---- */

struct iprev_check *iprev_check_create(struct dns_source *dns) {
    struct iprev_check *check = calloc(1, sizeof *check);
    if (check == NULL) return NULL;
    check->dns = dns;
    check->state = STATE_DONE;
    check->query.answered = reverse_answered;
    return check;
}

void iprev_check_destroy(struct iprev_check *check) {
    if (check != NULL) cancel_all(check);
    free(check);
}

enum iprev_progress iprev_check_begin(struct iprev_check *check, const uint8_t *address, bool is_v4,
                                      void (*done)(void *owner), void *owner) {
    struct dns_answer answer;
    cancel_all(check);
    check->done = done;
    check->owner = owner;
    check->count = 0;
    take_address(check, address, is_v4);
    check->result = (struct iprev_result){.is_evaluated = true, .address = span_of(check->text)};
    check->state = STATE_REVERSE;
    if (dns_lookup(check->dns, write_reverse(check), DNS_PTR, &check->query, &answer) == DNS_PENDING)
        return IPREV_PENDING;
    return read_names(check, &answer) ? IPREV_DONE : IPREV_PENDING;
}

void iprev_check_expire(struct iprev_check *check) {
    if (check->state != STATE_DONE) finish(check, RESULT_TEMPERROR, (struct span){NULL, 0});
}

const struct iprev_result *iprev_check_result(const struct iprev_check *check) { return &check->result; }
