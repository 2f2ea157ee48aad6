#include "verifier/spf_check.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "verifier/dns_name.h"
#include "verifier/domain_name.h"
#include "verifier/spf_identity.h"
#include "verifier/spf_macro.h"
#include "verifier/spf_record.h"

enum { /* section 4.6.4 */
       LOOKUPS_MAX = 10,
       VOID_LOOKUPS_MAX = 2,
       HOSTS_MAX = 10,                /* names of one MX or PTR answer */
       RECORDS_MAX = LOOKUPS_MAX + 1, /* the first one, and as many inside each other as there are lookups */
};
enum {
    ARENA_MAX = 512 * 1024, /* each record once, each MX and PTR name once */
    IDENTITY_MAX = 4096,    /* octets of HELO, of MAIL FROM and of our name */
    EXPLANATION_MAX = 1024,
    DETAIL_MAX = 256,
};

enum state {
    STATE_ASK_RECORD,
    STATE_READ_RECORD,
    STATE_NEXT_DIRECTIVE,
    STATE_EVALUATE,
    STATE_READ_ADDRESSES,
    STATE_READ_EXISTS,
    STATE_READ_MX,
    STATE_ASK_MX_HOST,
    STATE_READ_MX_HOST,
    STATE_MATCHED,
    STATE_REDIRECT,
    STATE_ASK_NAMES,
    STATE_READ_NAMES,
    STATE_ASK_NAME_HOST,
    STATE_READ_NAME_HOST,
    STATE_ASK_EXPLANATION,
    STATE_READ_EXPLANATION,
    STATE_EXPLAIN,
    STATE_DONE,
};
enum progress { PROGRESS_AGAIN, PROGRESS_WAIT };

/* A record under evaluation. Those above it on the stack were included by its directive. */
struct frame {
    struct span domain;    /* %{d} */
    enum spf_code if_none; /* what it means that the domain has no record */
    struct spf_record record;
    size_t at;                      /* in the record, where the next directive begins */
    struct spf_directive directive; /* the one being evaluated */
};

struct spf_check {
    struct dns_source *dns;
    const struct clock *clock;
    struct arena *arena;
    void (*done)(void *owner);
    void *owner;

    enum state state;
    struct dns_query query;
    bool is_pending;
    struct dns_answer answer; /* its spans: valid in the state that reads it */

    uint8_t address[16];
    bool is_v4, wants_explanation;
    struct spf_macro_values values; /* domain is that of the frame */
    struct frame frames[RECORDS_MAX];
    size_t depth;    /* frames[depth] is the one evaluated */
    bool is_void;    /* the term at hand was counted as void */
    bool is_decided; /* the result stands; only its explanation is wanted */

    char target[DNS_NAME_TEXT_MAX]; /* name the term at hand is about, in the form of dns_name */
    size_t target_len;
    struct span hosts[HOSTS_MAX]; /* to be looked up one by one */
    size_t host_count, host_at;
    bool has_names; /* the validated names of the client are known (section 5.5) */
    struct span names[HOSTS_MAX];
    size_t name_count;
    enum state after_names;
    struct span explanation; /* text of the exp= record, not expanded */
    struct spf_result result;
};

static struct frame *top(struct spf_check *check) { return &check->frames[check->depth]; }

/* ---- Ends ---- */

static enum progress go(struct spf_check *check, enum state state) {
    check->state = state;
    return PROGRESS_AGAIN;
}

static enum progress finish(struct spf_check *check, enum auth_result result, enum spf_code code) {
    if (check->is_decided) return go(check, STATE_DONE); /* no memory for its explanation */
    check->result.result = result;
    check->result.code = code;
    check->is_decided = true;
    bool explains = result == RESULT_FAIL && check->wants_explanation && check->frames[0].record.explanation.len > 0;
    return go(check, explains ? STATE_ASK_EXPLANATION : STATE_DONE);
}

static enum progress out_of_memory(struct spf_check *check) { return finish(check, RESULT_TEMPERROR, SPF_NO_MEMORY); }

/* Did the lookup fail, so that nothing can be said (section 2.6.6)? */
static bool is_failure(const struct dns_answer *answer) {
    return answer->status != DNS_FOUND && answer->status != DNS_NXDOMAIN && answer->status != DNS_NODATA;
}

static enum progress finish_failed(struct spf_check *check) {
    enum dns_status status = check->answer.status;
    return finish(check, RESULT_TEMPERROR,
                  status == DNS_BOGUS     ? SPF_DNS_BOGUS
                  : status == DNS_TIMEOUT ? SPF_DNS_TIMEOUT
                                          : SPF_DNS_SERVFAIL);
}

/* ---- Limits ---- */

/* A term, or the first %{p}, is about to ask the DNS. False: it is one too many, and the check is finished. */
static bool count_lookup(struct spf_check *check) {
    check->is_void = false;
    if (check->is_decided || check->result.lookups < LOOKUPS_MAX) {
        check->result.lookups += !check->is_decided;
        return true;
    }
    finish(check, RESULT_PERMERROR, SPF_TOO_MANY_LOOKUPS);
    return false;
}

/* Section 4.6.4 limits the number of terms for which queries find nothing: the hosts of one mx count once, so that a
 * client on IPv6 is not refused because three mail servers have IPv4 addresses only. False: as above. */
static bool count_void(struct spf_check *check) {
    if (check->answer.status == DNS_FOUND || check->is_void || check->is_decided) return true;
    check->is_void = true;
    if (check->result.void_lookups < VOID_LOOKUPS_MAX) return ++check->result.void_lookups, true;
    finish(check, RESULT_PERMERROR, SPF_TOO_MANY_VOID);
    return false;
}

/* ---- Names and questions ---- */

static void dns_answered(struct dns_query *query, const struct dns_answer *answer);

static enum progress ask(struct spf_check *check, struct span name, enum dns_type type, enum state next) {
    check->state = next;
    check->query = (struct dns_query){.answered = dns_answered};
    check->is_pending = dns_lookup(check->dns, name, type, &check->query, &check->answer) == DNS_PENDING;
    return check->is_pending ? PROGRESS_WAIT : PROGRESS_AGAIN;
}

static enum progress ask_target(struct spf_check *check, enum dns_type type, enum state next) {
    return ask(check, (struct span){check->target, check->target_len}, type, next);
}

static enum dns_type address_type(const struct spf_check *check) { return check->is_v4 ? DNS_A : DNS_AAAA; }

/* Octets as they are to check->target, in the form of dns_name. False: they are no name to ask for. */
static bool aim_at(struct spf_check *check, struct span octets) {
    char escaped[2 * SPF_MACRO_DOMAIN_MAX];
    struct dns_name name;
    size_t len = 0;
    for (size_t i = 0; i < octets.len; i++) {
        if (octets.ptr[i] == '\\') escaped[len++] = '\\';
        escaped[len++] = octets.ptr[i];
    }
    if (len == 0 || !dns_name_from_text((struct span){escaped, len}, NULL, &name)) return false;
    check->target_len = dns_name_to_text(&name, check->target);
    return true;
}

/* %{p}: the domain itself, else a name below it, else any (section 7.3). */
static struct span validated_name(const struct spf_check *check, struct span domain) {
    struct span best = {NULL, 0};
    unsigned best_rank = 0;
    for (size_t i = 0; i < check->name_count; i++) {
        bool is_within = domain_name_is_within(check->names[i], domain);
        unsigned rank = is_within && check->names[i].len == domain.len ? 3 : is_within ? 2 : 1;
        if (rank <= best_rank) continue;
        best = check->names[i];
        best_rank = rank;
    }
    return best;
}

enum aim { AIM_OK, AIM_NO_NAME, AIM_FINISHED };

/* Expands domain_spec (empty: the domain of the frame) into check->target, and its octets, if wanted, into the arena.
 */
static enum aim aim_at_domain(struct spf_check *check, struct span domain_spec, struct span *octets) {
    char name[SPF_MACRO_DOMAIN_MAX];
    size_t len = 0;
    struct span domain = top(check)->domain;
    if (domain_spec.len > 0) {
        check->values.domain = domain;
        check->values.validated_name = validated_name(check, domain);
        enum spf_macro_status status = spf_macro_expand_domain(domain_spec, &check->values, name, &len);
        for (size_t i = 0; i < len; i++) name[i] = ascii_lower(name[i]);
        if (status == SPF_MACRO_NO_MEMORY) return out_of_memory(check), AIM_FINISHED;
        if (status != SPF_MACRO_OK) return finish(check, RESULT_PERMERROR, SPF_MACRO), AIM_FINISHED;
        domain = (struct span){name, len};
    }
    if (!aim_at(check, domain)) return AIM_NO_NAME;
    if (octets == NULL) return AIM_OK;
    *octets = arena_copy(check->arena, domain);
    return octets->ptr != NULL ? AIM_OK : (out_of_memory(check), AIM_FINISHED);
}

/* Is %{p} wanted and not known yet? Then it is found out first, and state comes after that. */
static bool names_come_first(struct spf_check *check, bool wanted, enum state after) {
    if (!wanted || check->has_names) return false;
    check->after_names = after;
    check->state = STATE_ASK_NAMES;
    return true;
}

static bool matches_addresses(const struct spf_check *check, unsigned prefix_v4_bits, unsigned prefix_v6_bits) {
    size_t octets = check->is_v4 ? 4 : 16;
    struct network network = {.is_v4 = check->is_v4, .prefix_bits = check->is_v4 ? prefix_v4_bits : prefix_v6_bits};
    for (size_t i = 0; i < check->answer.record_count; i++) {
        if (check->answer.record[i].len != octets) continue;
        memcpy(network.address, check->answer.record[i].ptr, octets);
        if (network_contains(&network, check->address, check->is_v4)) return true;
    }
    return false;
}

/* Takes the names of an MX or PTR answer, behind skip octets, as the hosts to look up. */
static bool take_hosts(struct spf_check *check, size_t skip) {
    check->host_count = check->host_at = 0;
    for (size_t i = 0; i < check->answer.record_count && check->host_count < HOSTS_MAX; i++) {
        struct span record = check->answer.record[i];
        if (record.len <= skip) continue; /* the root: a null MX (RFC 7505) */
        struct span host = arena_copy(check->arena, span_after(record, skip));
        if (host.ptr == NULL) return false;
        check->hosts[check->host_count++] = host;
    }
    return true;
}

/* ---- Records ---- */

static enum progress ask_record(struct spf_check *check) { return ask_target(check, DNS_TXT, STATE_READ_RECORD); }

/* The only SPF record of the answer; {NULL, 0} when there is none, and *count tells how many there are. */
static struct span choose_record(const struct dns_answer *answer, size_t *count) {
    struct span chosen = {NULL, 0};
    *count = 0;
    for (size_t i = 0; i < answer->record_count; i++) {
        if (!spf_record_is_spf(answer->record[i])) continue;
        if ((*count)++ == 0) chosen = answer->record[i];
    }
    return chosen;
}

/* Says which term is wrong, and how; what is not printable is not repeated. */
static void tell_detail(struct spf_check *check, enum spf_record_status status, struct span term) {
    struct bytes detail = bytes_with_cap(DETAIL_MAX);
    bytes_append_text(&detail, spf_record_status_text(status));
    if (status != SPF_RECORD_BAD_OCTET && term.len > 0 && term.len < DETAIL_MAX / 2) {
        bytes_append_text(&detail, ": ");
        bytes_append(&detail, term);
    }
    check->result.detail = arena_copy(check->arena, bytes_span(&detail));
    bytes_release(&detail);
}

static enum progress read_record(struct spf_check *check) {
    struct frame *frame = top(check);
    struct span error_term;
    size_t count;
    if (frame->if_none == SPF_NO_RECORD) check->result.dnssec = check->answer.dnssec;
    if (is_failure(&check->answer)) return finish_failed(check);
    struct span text = choose_record(&check->answer, &count);
    if (count == 0)
        return finish(check, frame->if_none == SPF_NO_RECORD ? RESULT_NONE : RESULT_PERMERROR, frame->if_none);
    if (count > 1) return finish(check, RESULT_PERMERROR, SPF_SEVERAL_RECORDS); /* section 4.5 */
    if (text.len > SPF_RECORD_MAX) return finish(check, RESULT_PERMERROR, SPF_LIMIT);
    text = arena_copy(check->arena, text);
    if (text.ptr == NULL) return out_of_memory(check);
    enum spf_record_status status = spf_record_parse(text, &frame->record, &error_term);
    if (status == SPF_RECORD_OK) return go(check, STATE_NEXT_DIRECTIVE);
    tell_detail(check, status, error_term);
    return finish(check, RESULT_PERMERROR, SPF_SYNTAX);
}

/* No directive of the record matched: section 4.7. */
static enum progress end_record(struct spf_check *check) {
    if (top(check)->record.redirect.len > 0) return count_lookup(check) ? go(check, STATE_REDIRECT) : PROGRESS_AGAIN;
    if (check->depth == 0) return finish(check, RESULT_NEUTRAL, SPF_NO_MATCH);
    check->depth--; /* neutral: the include does not match */
    return go(check, STATE_NEXT_DIRECTIVE);
}

/* The other domain's record takes the place of this one (section 6.1). */
static enum progress redirect(struct spf_check *check) {
    struct frame *frame = top(check);
    struct span domain_spec = frame->record.redirect, domain;
    if (names_come_first(check, spf_macro_wants_validated_name(domain_spec), STATE_REDIRECT)) return PROGRESS_AGAIN;
    enum aim aim = aim_at_domain(check, domain_spec, &domain);
    if (aim == AIM_NO_NAME) return finish(check, RESULT_PERMERROR, SPF_REDIRECT_NONE);
    if (aim == AIM_FINISHED) return PROGRESS_AGAIN;
    *frame = (struct frame){.domain = domain, .if_none = SPF_REDIRECT_NONE};
    return go(check, STATE_ASK_RECORD);
}

/* ---- Directives ---- */

static enum progress next_directive(struct spf_check *check) {
    struct frame *frame = top(check);
    if (!spf_record_next(&frame->record, &frame->at, &frame->directive)) return end_record(check);
    const struct spf_directive *directive = &frame->directive;
    switch (directive->mechanism) {
    case SPF_MECHANISM_ALL: return go(check, STATE_MATCHED);
    case SPF_MECHANISM_IP4:
    case SPF_MECHANISM_IP6:
        return go(check, network_contains(&directive->network, check->address, check->is_v4) ? STATE_MATCHED
                                                                                             : STATE_NEXT_DIRECTIVE);
    default: return count_lookup(check) ? go(check, STATE_EVALUATE) : PROGRESS_AGAIN;
    }
}

/* Lookups never nest deeper than they are counted, so there is a frame. */
static enum progress include(struct spf_check *check, struct span domain) {
    check->frames[++check->depth] = (struct frame){.domain = domain, .if_none = SPF_INCLUDE_NONE};
    return go(check, STATE_ASK_RECORD);
}

static enum progress match_names(struct spf_check *check) {
    struct span target = {check->target, check->target_len};
    for (size_t i = 0; i < check->name_count; i++)
        if (domain_name_is_within(check->names[i], target)) return go(check, STATE_MATCHED);
    return go(check, STATE_NEXT_DIRECTIVE);
}

static enum progress evaluate(struct spf_check *check) {
    const struct spf_directive *directive = &top(check)->directive;
    bool is_include = directive->mechanism == SPF_MECHANISM_INCLUDE;
    struct span domain;
    if (names_come_first(
            check, directive->mechanism == SPF_MECHANISM_PTR || spf_macro_wants_validated_name(directive->domain_spec),
            STATE_EVALUATE))
        return PROGRESS_AGAIN;
    enum aim aim = aim_at_domain(check, directive->domain_spec, is_include ? &domain : NULL);
    if (aim == AIM_FINISHED) return PROGRESS_AGAIN;
    if (aim == AIM_NO_NAME && is_include) return finish(check, RESULT_PERMERROR, SPF_INCLUDE_NONE);
    if (aim == AIM_NO_NAME) return go(check, STATE_NEXT_DIRECTIVE); /* section 4.8: such a name does not exist */
    switch (directive->mechanism) {
    case SPF_MECHANISM_INCLUDE: return include(check, domain);
    case SPF_MECHANISM_A: return ask_target(check, address_type(check), STATE_READ_ADDRESSES);
    case SPF_MECHANISM_MX: return ask_target(check, DNS_MX, STATE_READ_MX);
    case SPF_MECHANISM_EXISTS: return ask_target(check, DNS_A, STATE_READ_EXISTS); /* 5.7: A for IPv6 clients too */
    default: return match_names(check);
    }
}

static enum progress read_addresses(struct spf_check *check) {
    const struct spf_directive *directive = &top(check)->directive;
    if (is_failure(&check->answer)) return finish_failed(check);
    if (!count_void(check)) return PROGRESS_AGAIN;
    bool matches = matches_addresses(check, directive->prefix_v4_bits, directive->prefix_v6_bits);
    return go(check, matches ? STATE_MATCHED : STATE_NEXT_DIRECTIVE);
}

static enum progress read_exists(struct spf_check *check) {
    if (is_failure(&check->answer)) return finish_failed(check);
    if (!count_void(check)) return PROGRESS_AGAIN;
    return go(check, check->answer.status == DNS_FOUND ? STATE_MATCHED : STATE_NEXT_DIRECTIVE);
}

static enum progress read_mx(struct spf_check *check) {
    if (is_failure(&check->answer)) return finish_failed(check);
    if (!count_void(check)) return PROGRESS_AGAIN;
    if (check->answer.record_count > HOSTS_MAX) return finish(check, RESULT_PERMERROR, SPF_TOO_MANY_MX);
    return take_hosts(check, 2) ? go(check, STATE_ASK_MX_HOST) : out_of_memory(check);
}

static enum progress ask_mx_host(struct spf_check *check) {
    if (check->host_at == check->host_count) return go(check, STATE_NEXT_DIRECTIVE);
    return ask(check, check->hosts[check->host_at++], address_type(check), STATE_READ_MX_HOST);
}

static enum progress read_mx_host(struct spf_check *check) {
    const struct spf_directive *directive = &top(check)->directive;
    if (is_failure(&check->answer)) return finish_failed(check);
    if (!count_void(check)) return PROGRESS_AGAIN;
    bool matches = matches_addresses(check, directive->prefix_v4_bits, directive->prefix_v6_bits);
    return go(check, matches ? STATE_MATCHED : STATE_ASK_MX_HOST);
}

/* A pass makes the include that led here match, and so on outwards; anything else is no match for it (section 5.2). */
static enum progress matched(struct spf_check *check) {
    enum auth_result result = top(check)->directive.qualifier;
    while (check->depth > 0) {
        check->depth--;
        if (result != RESULT_PASS) return go(check, STATE_NEXT_DIRECTIVE);
        result = top(check)->directive.qualifier;
    }
    check->result.mechanism = check->frames[0].directive.text;
    return finish(check, result, SPF_MATCHED);
}

/* ---- The validated names of the client (section 5.5), found out at most once ---- */

/* The client's address under in-addr.arpa or ip6.arpa, into check->target, which the term that comes after aims anew.
 */
static void aim_at_reverse_name(struct spf_check *check) {
    size_t octets = check->is_v4 ? 4 : 16, len = 0;
    for (size_t i = octets; i-- > 0;) {
        uint8_t octet = check->address[i];
        char *at = check->target + len;
        size_t room = sizeof check->target - len;
        len += (size_t)(check->is_v4 ? snprintf(at, room, "%u.", octet)
                                     : snprintf(at, room, "%x.%x.", octet & 0x0fu, octet >> 4));
    }
    struct span zone = span_of(check->is_v4 ? "in-addr.arpa" : "ip6.arpa");
    memcpy(check->target + len, zone.ptr, zone.len);
    check->target_len = len + zone.len;
}

static enum progress ask_names(struct spf_check *check) {
    bool is_ptr = !check->is_decided && check->after_names == STATE_EVALUATE &&
                  top(check)->directive.mechanism == SPF_MECHANISM_PTR; /* that term has been counted */
    if (!is_ptr && !count_lookup(check)) return PROGRESS_AGAIN;
    aim_at_reverse_name(check);
    return ask_target(check, DNS_PTR, STATE_READ_NAMES);
}

static enum progress read_names(struct spf_check *check) {
    check->has_names = true;
    check->name_count = check->host_count = check->host_at = 0;
    if (is_failure(&check->answer)) return go(check, check->after_names); /* the client has no name then */
    if (!count_void(check)) return PROGRESS_AGAIN;
    return take_hosts(check, 0) ? go(check, STATE_ASK_NAME_HOST) : out_of_memory(check);
}

static enum progress ask_name_host(struct spf_check *check) {
    if (check->host_at == check->host_count) return go(check, check->after_names);
    return ask(check, check->hosts[check->host_at++], address_type(check), STATE_READ_NAME_HOST);
}

static enum progress read_name_host(struct spf_check *check) {
    if (!is_failure(&check->answer) && !count_void(check)) return PROGRESS_AGAIN; /* a failure: the name is skipped */
    if (matches_addresses(check, 32, 128)) check->names[check->name_count++] = check->hosts[check->host_at - 1];
    return go(check, STATE_ASK_NAME_HOST);
}

/* ---- The explanation (section 6.2): whatever goes wrong with it, the result stands ---- */

static enum progress ask_explanation(struct spf_check *check) {
    struct span domain_spec = check->frames[0].record.explanation;
    if (names_come_first(check, spf_macro_wants_validated_name(domain_spec), STATE_ASK_EXPLANATION))
        return PROGRESS_AGAIN;
    char name[SPF_MACRO_DOMAIN_MAX];
    size_t len;
    check->values.domain = check->frames[0].domain;
    check->values.validated_name = validated_name(check, check->values.domain);
    if (spf_macro_expand_domain(domain_spec, &check->values, name, &len) != SPF_MACRO_OK) return go(check, STATE_DONE);
    if (!aim_at(check, (struct span){name, len})) return go(check, STATE_DONE);
    return ask_target(check, DNS_TXT, STATE_READ_EXPLANATION);
}

static enum progress read_explanation(struct spf_check *check) {
    if (check->answer.status != DNS_FOUND || check->answer.record_count != 1) return go(check, STATE_DONE);
    check->explanation = arena_copy(check->arena, check->answer.record[0]);
    return go(check, STATE_EXPLAIN);
}

static enum progress explain(struct spf_check *check) {
    struct bytes text = bytes_with_cap(EXPLANATION_MAX);
    if (names_come_first(check, spf_macro_wants_validated_name(check->explanation), STATE_EXPLAIN))
        return PROGRESS_AGAIN;
    check->values.validated_name = validated_name(check, check->values.domain);
    check->values.now_s = clock_unix_s(check->clock);
    if (spf_macro_expand_text(check->explanation, &check->values, &text) == SPF_MACRO_OK)
        check->result.explanation = arena_copy(check->arena, bytes_span(&text));
    bytes_release(&text);
    return go(check, STATE_DONE);
}

/* ---- The machine ---- */

static enum progress stay(struct spf_check *check) {
    (void)check;
    return PROGRESS_WAIT;
}

static enum progress (*const steps[])(struct spf_check *check) = {
    [STATE_ASK_RECORD] = ask_record,         /* -> READ_RECORD */
    [STATE_READ_RECORD] = read_record,       /* -> NEXT_DIRECTIVE | DONE (none, temperror, permerror) */
    [STATE_NEXT_DIRECTIVE] = next_directive, /* -> itself | MATCHED | EVALUATE | REDIRECT | DONE (neutral, permerror) */
    [STATE_EVALUATE] = evaluate, /* -> ASK_NAMES | ASK_RECORD | READ_ADDRESSES | READ_EXISTS | READ_MX | ... */
    [STATE_READ_ADDRESSES] = read_addresses,     /* -> MATCHED | NEXT_DIRECTIVE | DONE */
    [STATE_READ_EXISTS] = read_exists,           /* -> MATCHED | NEXT_DIRECTIVE | DONE */
    [STATE_READ_MX] = read_mx,                   /* -> ASK_MX_HOST | DONE */
    [STATE_ASK_MX_HOST] = ask_mx_host,           /* -> READ_MX_HOST | NEXT_DIRECTIVE */
    [STATE_READ_MX_HOST] = read_mx_host,         /* -> MATCHED | ASK_MX_HOST | DONE */
    [STATE_MATCHED] = matched,                   /* -> NEXT_DIRECTIVE (of the record that included) | DONE */
    [STATE_REDIRECT] = redirect,                 /* -> ASK_NAMES | ASK_RECORD | DONE */
    [STATE_ASK_NAMES] = ask_names,               /* -> READ_NAMES | DONE */
    [STATE_READ_NAMES] = read_names,             /* -> ASK_NAME_HOST | back | DONE */
    [STATE_ASK_NAME_HOST] = ask_name_host,       /* -> READ_NAME_HOST | back to where the names were wanted */
    [STATE_READ_NAME_HOST] = read_name_host,     /* -> ASK_NAME_HOST | DONE */
    [STATE_ASK_EXPLANATION] = ask_explanation,   /* -> ASK_NAMES | READ_EXPLANATION | DONE */
    [STATE_READ_EXPLANATION] = read_explanation, /* -> EXPLAIN | DONE */
    [STATE_EXPLAIN] = explain,                   /* -> ASK_NAMES | DONE */
    [STATE_DONE] = stay,
};

static void run(struct spf_check *check) {
    while (steps[check->state](check) == PROGRESS_AGAIN) {}
}

static void dns_answered(struct dns_query *query, const struct dns_answer *answer) {
    struct spf_check *check = LIST_ENTRY(query, struct spf_check, query);
    check->is_pending = false;
    check->answer = *answer;
    run(check);
    if (check->state == STATE_DONE) check->done(check->owner); /* may begin or destroy: nothing is touched afterwards */
}

static void cancel(struct spf_check *check) {
    if (check->is_pending) dns_cancel(check->dns, &check->query);
    check->is_pending = false;
}

struct spf_check *spf_check_create(struct dns_source *dns, const struct clock *clock) {
    struct spf_check *check = calloc(1, sizeof *check);
    if (check == NULL) return NULL;
    *check = (struct spf_check){.dns = dns, .clock = clock, .state = STATE_DONE};
    check->arena = arena_create(ARENA_MAX);
    if (check->arena != NULL) return check;
    free(check);
    return NULL;
}

void spf_check_destroy(struct spf_check *check) {
    if (check == NULL) return;
    cancel(check);
    arena_destroy(check->arena);
    free(check);
}

static void forget(struct spf_check *check) {
    struct spf_check fresh = {.dns = check->dns, .clock = check->clock, .arena = check->arena, .state = STATE_DONE};
    cancel(check);
    arena_reset(check->arena);
    *check = fresh;
}

/* A v4-mapped address is an IPv4 address (section 5). */
static void take_address(struct spf_check *check, const struct spf_question *question) {
    static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool is_mapped = !question->is_v4 && memcmp(question->address, v4_mapped, sizeof v4_mapped) == 0;
    check->is_v4 = question->is_v4 || is_mapped;
    memcpy(check->address, question->address + (is_mapped ? sizeof v4_mapped : 0), check->is_v4 ? 4 : 16);
}

static enum progress take_identity(struct spf_check *check, const struct spf_question *question) {
    struct spf_identity identity;
    if (question->helo.len > IDENTITY_MAX || question->mail_from.len > IDENTITY_MAX ||
        question->receiver.len > IDENTITY_MAX)
        return finish(check, RESULT_PERMERROR, SPF_LIMIT);
    if (!spf_identity_read(question->scope, question->helo, question->mail_from, check->arena, &identity))
        return out_of_memory(check);
    struct span helo = arena_copy(check->arena, question->helo),
                receiver = arena_copy(check->arena, question->receiver);
    if ((helo.ptr == NULL && question->helo.len > 0) || (receiver.ptr == NULL && question->receiver.len > 0))
        return out_of_memory(check);
    check->result.identity = identity.text;
    check->result.domain = identity.domain;
    if (identity.domain.len == 0) return finish(check, RESULT_NONE, SPF_NO_DOMAIN); /* section 4.3 */
    check->values = (struct spf_macro_values){.sender = identity.sender,
                                              .local_part = identity.local_part,
                                              .sender_domain = identity.domain,
                                              .helo = helo,
                                              .receiver = receiver,
                                              .address = check->address,
                                              .is_v4 = check->is_v4};
    check->frames[0] = (struct frame){.domain = identity.domain, .if_none = SPF_NO_RECORD};
    return aim_at(check, identity.domain) ? go(check, STATE_ASK_RECORD) : finish(check, RESULT_NONE, SPF_NO_DOMAIN);
}

enum spf_progress spf_check_begin(struct spf_check *check, const struct spf_question *question,
                                  void (*done)(void *owner), void *owner) {
    forget(check);
    check->done = done;
    check->owner = owner;
    check->wants_explanation = question->wants_explanation;
    check->result = (struct spf_result){.is_evaluated = true, .scope = question->scope};
    take_address(check, question);
    take_identity(check, question);
    run(check);
    return check->state == STATE_DONE ? SPF_DONE : SPF_PENDING;
}

void spf_check_expire(struct spf_check *check) {
    if (check->state == STATE_DONE) return;
    cancel(check);
    if (!check->is_decided) finish(check, RESULT_TEMPERROR, SPF_DNS_TIMEOUT);
    check->state = STATE_DONE;
}

const struct spf_result *spf_check_result(const struct spf_check *check) { return &check->result; }
