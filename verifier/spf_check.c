#include "verifier/spf_check.h"
#include <stdlib.h>
#include "base/clock.h"
#include "verifier/domain_name.h"
#include "verifier/spf_identity.h"
#include "verifier/spf_machine.h"
#include "verifier/spf_names.h"

enum {
    ARENA_MAX = 512 * 1024, /* each record once, each MX and PTR name once */
    ARENA_FIRST = 512,      /* the identity and a short record take 160 */
    IDENTITY_MAX = 4096,    /* octets of HELO, of MAIL FROM and of our name */
    EXPLANATION_MAX = 1024,
    DETAIL_MAX = 256,
};

/* ---- Records ---- */

static enum spf_step ask_record(struct spf_check *check) {
    return spf_machine_ask_target(check, DNS_TXT, SPF_STATE_READ_RECORD);
}

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

/* Another domain's record was referred to, and name has none. */
static enum spf_step finish_without(struct spf_check *check, enum spf_code code, struct span name) {
    check->result.detail = arena_copy(check->arena, name);
    return spf_machine_finish(check, RESULT_PERMERROR, code);
}

static enum spf_step read_record(struct spf_check *check) {
    struct spf_frame *frame = spf_machine_top(check);
    struct span error_term;
    size_t count;
    if (frame->if_none == SPF_NO_RECORD) check->result.dnssec = check->answer->dnssec;
    if (spf_machine_is_failure(check->answer)) return spf_machine_finish_failed(check);
    struct span text = choose_record(check->answer, &count);
    if (count == 0 && frame->if_none != SPF_NO_RECORD) return finish_without(check, frame->if_none, frame->domain);
    if (count == 0) return spf_machine_finish(check, RESULT_NONE, SPF_NO_RECORD);
    if (count > 1) return spf_machine_finish(check, RESULT_PERMERROR, SPF_SEVERAL_RECORDS); /* section 4.5 */
    if (text.len > SPF_RECORD_MAX) return spf_machine_finish(check, RESULT_PERMERROR, SPF_LIMIT);
    text = arena_copy(check->arena, text);
    if (text.ptr == NULL) return spf_machine_out_of_memory(check);
    enum spf_record_status status = spf_record_parse(text, &frame->record, &error_term);
    if (status == SPF_RECORD_OK) return spf_machine_go(check, SPF_STATE_NEXT_DIRECTIVE);
    tell_detail(check, status, error_term);
    return spf_machine_finish(check, RESULT_PERMERROR, SPF_SYNTAX);
}

/* No directive of the record matched: section 4.7. */
static enum spf_step end_record(struct spf_check *check) {
    if (spf_machine_top(check)->record.redirect.len > 0)
        return spf_machine_count_lookup(check) ? spf_machine_go(check, SPF_STATE_REDIRECT) : SPF_STEP_AGAIN;
    if (check->depth == 0) return spf_machine_finish(check, RESULT_NEUTRAL, SPF_NO_MATCH);
    check->depth--; /* neutral: the include does not match */
    return spf_machine_go(check, SPF_STATE_NEXT_DIRECTIVE);
}

/* The other domain's record takes the place of this one (section 6.1). */
static enum spf_step redirect(struct spf_check *check) {
    struct spf_frame *frame = spf_machine_top(check);
    struct span domain_spec = frame->record.redirect, domain;
    if (spf_machine_names_come_first(check, spf_macro_wants_validated_name(domain_spec), SPF_STATE_REDIRECT))
        return SPF_STEP_AGAIN;
    enum spf_aim aim = spf_machine_aim_at_domain(check, domain_spec, &domain);
    if (aim == SPF_AIM_NO_NAME) return finish_without(check, SPF_REDIRECT_NONE, domain_spec);
    if (aim == SPF_AIM_FINISHED) return SPF_STEP_AGAIN;
    *frame = (struct spf_frame){.domain = domain, .if_none = SPF_REDIRECT_NONE};
    return spf_machine_go(check, SPF_STATE_ASK_RECORD);
}

/* ---- Directives ---- */

static enum spf_step next_directive(struct spf_check *check) {
    struct spf_frame *frame = spf_machine_top(check);
    if (!spf_record_next(&frame->record, &frame->at, &frame->directive)) return end_record(check);
    const struct spf_directive *directive = &frame->directive;
    switch (directive->mechanism) {
    case SPF_MECHANISM_ALL: return spf_machine_go(check, SPF_STATE_MATCHED);
    case SPF_MECHANISM_IP4:
    case SPF_MECHANISM_IP6:
        return spf_machine_go(check, network_contains(&directive->network, check->address, check->is_v4)
                                         ? SPF_STATE_MATCHED
                                         : SPF_STATE_NEXT_DIRECTIVE);
    default: return spf_machine_count_lookup(check) ? spf_machine_go(check, SPF_STATE_EVALUATE) : SPF_STEP_AGAIN;
    }
}

/* Lookups never nest deeper than they are counted, so there is a frame. */
static enum spf_step include(struct spf_check *check, struct span domain) {
    check->frames[++check->depth] = (struct spf_frame){.domain = domain, .if_none = SPF_INCLUDE_NONE};
    return spf_machine_go(check, SPF_STATE_ASK_RECORD);
}

static enum spf_step match_names(struct spf_check *check) {
    struct span target = {check->target, check->target_len};
    for (size_t i = 0; i < check->name_count; i++)
        if (domain_name_is_within(check->names[i], target)) return spf_machine_go(check, SPF_STATE_MATCHED);
    return spf_machine_go(check, SPF_STATE_NEXT_DIRECTIVE);
}

static enum spf_step evaluate(struct spf_check *check) {
    const struct spf_directive *directive = &spf_machine_top(check)->directive;
    bool is_include = directive->mechanism == SPF_MECHANISM_INCLUDE;
    struct span domain;
    if (spf_machine_names_come_first(
            check, directive->mechanism == SPF_MECHANISM_PTR || spf_macro_wants_validated_name(directive->domain_spec),
            SPF_STATE_EVALUATE))
        return SPF_STEP_AGAIN;
    enum spf_aim aim = spf_machine_aim_at_domain(check, directive->domain_spec, is_include ? &domain : NULL);
    if (aim == SPF_AIM_FINISHED) return SPF_STEP_AGAIN;
    if (aim == SPF_AIM_NO_NAME && is_include) return finish_without(check, SPF_INCLUDE_NONE, directive->domain_spec);
    if (aim == SPF_AIM_NO_NAME)
        return spf_machine_go(check, SPF_STATE_NEXT_DIRECTIVE); /* section 4.8: such a name does not exist */
    switch (directive->mechanism) {
    case SPF_MECHANISM_INCLUDE: return include(check, domain);
    case SPF_MECHANISM_A:
        return spf_machine_ask_target(check, spf_machine_address_type(check), SPF_STATE_READ_ADDRESSES);
    case SPF_MECHANISM_MX: return spf_machine_ask_target(check, DNS_MX, SPF_STATE_READ_MX);
    case SPF_MECHANISM_EXISTS:
        return spf_machine_ask_target(check, DNS_A, SPF_STATE_READ_EXISTS); /* 5.7: A for IPv6 clients too */
    default: return match_names(check);
    }
}

static enum spf_step read_addresses(struct spf_check *check) {
    const struct spf_directive *directive = &spf_machine_top(check)->directive;
    if (spf_machine_is_failure(check->answer)) return spf_machine_finish_failed(check);
    if (!spf_machine_count_void(check)) return SPF_STEP_AGAIN;
    bool matches = spf_machine_matches_addresses(check, directive->prefix_v4_bits, directive->prefix_v6_bits);
    return spf_machine_go(check, matches ? SPF_STATE_MATCHED : SPF_STATE_NEXT_DIRECTIVE);
}

static enum spf_step read_exists(struct spf_check *check) {
    if (spf_machine_is_failure(check->answer)) return spf_machine_finish_failed(check);
    if (!spf_machine_count_void(check)) return SPF_STEP_AGAIN;
    return spf_machine_go(check, check->answer->status == DNS_FOUND ? SPF_STATE_MATCHED : SPF_STATE_NEXT_DIRECTIVE);
}

static enum spf_step read_mx(struct spf_check *check) {
    if (spf_machine_is_failure(check->answer)) return spf_machine_finish_failed(check);
    if (!spf_machine_count_void(check)) return SPF_STEP_AGAIN;
    if (check->answer->record_count > SPF_HOSTS_MAX) return spf_machine_finish(check, RESULT_PERMERROR, SPF_TOO_MANY_MX);
    return spf_machine_take_hosts(check, 2) ? spf_machine_go(check, SPF_STATE_ASK_MX_HOST)
                                            : spf_machine_out_of_memory(check);
}

static enum spf_step ask_mx_host(struct spf_check *check) {
    if (check->host_at == check->host_count) return spf_machine_go(check, SPF_STATE_NEXT_DIRECTIVE);
    return spf_machine_ask(check, check->hosts[check->host_at++], spf_machine_address_type(check),
                           SPF_STATE_READ_MX_HOST);
}

static enum spf_step read_mx_host(struct spf_check *check) {
    const struct spf_directive *directive = &spf_machine_top(check)->directive;
    if (spf_machine_is_failure(check->answer)) return spf_machine_finish_failed(check);
    if (!spf_machine_count_void(check)) return SPF_STEP_AGAIN;
    bool matches = spf_machine_matches_addresses(check, directive->prefix_v4_bits, directive->prefix_v6_bits);
    return spf_machine_go(check, matches ? SPF_STATE_MATCHED : SPF_STATE_ASK_MX_HOST);
}

/* A pass makes the include that led here match, and so on outwards; anything else is no match for it (section 5.2). */
static enum spf_step matched(struct spf_check *check) {
    enum auth_result result = spf_machine_top(check)->directive.qualifier;
    while (check->depth > 0) {
        check->depth--;
        if (result != RESULT_PASS) return spf_machine_go(check, SPF_STATE_NEXT_DIRECTIVE);
        result = spf_machine_top(check)->directive.qualifier;
    }
    check->result.mechanism = check->frames[0].directive.text;
    return spf_machine_finish(check, result, SPF_MATCHED);
}

/* ---- The explanation (section 6.2): whatever goes wrong with it, the result stands ---- */

static enum spf_step ask_explanation(struct spf_check *check) {
    struct span domain_spec = check->frames[0].record.explanation;
    if (spf_machine_names_come_first(check, spf_macro_wants_validated_name(domain_spec), SPF_STATE_ASK_EXPLANATION))
        return SPF_STEP_AGAIN;
    char name[SPF_MACRO_DOMAIN_MAX];
    size_t len;
    check->values.domain = check->frames[0].domain;
    check->values.validated_name = spf_machine_validated_name(check, check->values.domain);
    if (spf_macro_expand_domain(domain_spec, &check->values, name, &len) != SPF_MACRO_OK)
        return spf_machine_go(check, SPF_STATE_DONE);
    if (!spf_machine_aim_at(check, (struct span){name, len})) return spf_machine_go(check, SPF_STATE_DONE);
    return spf_machine_ask_target(check, DNS_TXT, SPF_STATE_READ_EXPLANATION);
}

static enum spf_step read_explanation(struct spf_check *check) {
    if (check->answer->status != DNS_FOUND || check->answer->record_count != 1)
        return spf_machine_go(check, SPF_STATE_DONE);
    check->explanation = arena_copy(check->arena, check->answer->record[0]);
    return spf_machine_go(check, SPF_STATE_EXPLAIN);
}

static enum spf_step explain(struct spf_check *check) {
    struct bytes text = bytes_with_cap(EXPLANATION_MAX);
    if (spf_machine_names_come_first(check, spf_macro_wants_validated_name(check->explanation), SPF_STATE_EXPLAIN))
        return SPF_STEP_AGAIN;
    check->values.validated_name = spf_machine_validated_name(check, check->values.domain);
    check->values.now_s = clock_unix_s(check->clock);
    if (spf_macro_expand_text(check->explanation, &check->values, &text) == SPF_MACRO_OK)
        check->result.explanation = arena_copy(check->arena, bytes_span(&text));
    bytes_release(&text);
    return spf_machine_go(check, SPF_STATE_DONE);
}

/* ---- The machine ---- */

static enum spf_step stay(struct spf_check *check) {
    (void)check;
    return SPF_STEP_WAIT;
}

static enum spf_step (*const steps[])(struct spf_check *check) = {
    [SPF_STATE_ASK_RECORD] = ask_record,         /* -> READ_RECORD */
    [SPF_STATE_READ_RECORD] = read_record,       /* -> NEXT_DIRECTIVE | DONE (none, temperror, permerror) */
    [SPF_STATE_NEXT_DIRECTIVE] = next_directive, /* -> itself | MATCHED | EVALUATE | REDIRECT | DONE */
    [SPF_STATE_EVALUATE] = evaluate, /* -> ASK_NAMES | ASK_RECORD | READ_ADDRESSES | READ_EXISTS | READ_MX | ... */
    [SPF_STATE_READ_ADDRESSES] = read_addresses,      /* -> MATCHED | NEXT_DIRECTIVE | DONE */
    [SPF_STATE_READ_EXISTS] = read_exists,            /* -> MATCHED | NEXT_DIRECTIVE | DONE */
    [SPF_STATE_READ_MX] = read_mx,                    /* -> ASK_MX_HOST | DONE */
    [SPF_STATE_ASK_MX_HOST] = ask_mx_host,            /* -> READ_MX_HOST | NEXT_DIRECTIVE */
    [SPF_STATE_READ_MX_HOST] = read_mx_host,          /* -> MATCHED | ASK_MX_HOST | DONE */
    [SPF_STATE_MATCHED] = matched,                    /* -> NEXT_DIRECTIVE (of the record that included) | DONE */
    [SPF_STATE_REDIRECT] = redirect,                  /* -> ASK_NAMES | ASK_RECORD | DONE */
    [SPF_STATE_ASK_NAMES] = spf_names_ask,            /* -> READ_NAMES | DONE */
    [SPF_STATE_READ_NAMES] = spf_names_read,          /* -> ASK_NAME_HOST | back | DONE */
    [SPF_STATE_ASK_NAME_HOST] = spf_names_ask_host,   /* -> READ_NAME_HOST | back to where the names were wanted */
    [SPF_STATE_READ_NAME_HOST] = spf_names_read_host, /* -> ASK_NAME_HOST | DONE */
    [SPF_STATE_ASK_EXPLANATION] = ask_explanation,    /* -> ASK_NAMES | READ_EXPLANATION | DONE */
    [SPF_STATE_READ_EXPLANATION] = read_explanation,  /* -> EXPLAIN | DONE */
    [SPF_STATE_EXPLAIN] = explain,                    /* -> ASK_NAMES | DONE */
    [SPF_STATE_DONE] = stay,
};

/* An answer takes 3.5 KiB, which a check that waits does without. */
static void run(struct spf_check *check) {
    struct dns_answer room;
    check->room = &room;
    while (steps[check->state](check) == SPF_STEP_AGAIN) {}
    check->room = NULL;
    check->answer = NULL;
}

static void dns_answered(struct dns_query *query, const struct dns_answer *answer) {
    struct spf_check *check = LIST_ENTRY(query, struct spf_check, query);
    check->is_pending = false;
    check->answer = answer;
    run(check);
    if (check->state == SPF_STATE_DONE)
        check->done(check->owner); /* may begin or destroy: nothing is touched afterwards */
}

static void cancel(struct spf_check *check) {
    if (check->is_pending) dns_cancel(check->dns, &check->query);
    check->is_pending = false;
}

struct spf_check *spf_check_create(struct dns_source *dns, const struct clock *clock) {
    struct spf_check *check = calloc(1, sizeof *check);
    if (check == NULL) return NULL;
    *check = (struct spf_check){.dns = dns, .clock = clock, .state = SPF_STATE_DONE};
    check->arena = arena_create_small(ARENA_MAX, ARENA_FIRST);
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
    struct spf_check fresh = {.dns = check->dns,
                              .clock = check->clock,
                              .arena = check->arena,
                              .answered = dns_answered,
                              .state = SPF_STATE_DONE};
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

static enum spf_step take_identity(struct spf_check *check, const struct spf_question *question) {
    struct spf_identity identity;
    if (question->helo.len > IDENTITY_MAX || question->mail_from.len > IDENTITY_MAX ||
        question->receiver.len > IDENTITY_MAX)
        return spf_machine_finish(check, RESULT_PERMERROR, SPF_LIMIT);
    if (!spf_identity_read(question->scope, question->helo, question->mail_from, check->arena, &identity))
        return spf_machine_out_of_memory(check);
    struct span helo = arena_copy(check->arena, question->helo),
                receiver = arena_copy(check->arena, question->receiver);
    if ((helo.ptr == NULL && question->helo.len > 0) || (receiver.ptr == NULL && question->receiver.len > 0))
        return spf_machine_out_of_memory(check);
    check->result.identity = identity.text;
    check->result.domain = identity.domain;
    if (identity.domain.len == 0) return spf_machine_finish(check, RESULT_NONE, SPF_NO_DOMAIN); /* section 4.3 */
    check->values = (struct spf_macro_values){.sender = identity.sender,
                                              .local_part = identity.local_part,
                                              .sender_domain = identity.domain,
                                              .helo = helo,
                                              .receiver = receiver,
                                              .address = check->address,
                                              .is_v4 = check->is_v4};
    check->frames[0] = (struct spf_frame){.domain = identity.domain, .if_none = SPF_NO_RECORD};
    return spf_machine_aim_at(check, identity.domain) ? spf_machine_go(check, SPF_STATE_ASK_RECORD)
                                                      : spf_machine_finish(check, RESULT_NONE, SPF_NO_DOMAIN);
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
    return check->state == SPF_STATE_DONE ? SPF_DONE : SPF_PENDING;
}

void spf_check_expire(struct spf_check *check) {
    if (check->state == SPF_STATE_DONE) return;
    cancel(check);
    if (!check->is_decided) spf_machine_finish(check, RESULT_TEMPERROR, SPF_DNS_TIMEOUT);
    check->state = SPF_STATE_DONE;
}

const struct spf_result *spf_check_result(const struct spf_check *check) { return &check->result; }
