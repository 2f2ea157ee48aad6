#include "verifier/authentication.h"
#include <stdlib.h>
#include "verifier/dmarc_check.h"
#include "verifier/dns_quota.h"
#include "verifier/iprev_check.h"
#include "verifier/spf_check.h"

/* OPEN: octets are coming. FACTS: the message has ended; DKIM, ARC and SPF are awaited. DMARC: its verdict is awaited, and
 * iprev's with it. DONE: the result is there. */
enum stage { STAGE_OPEN, STAGE_FACTS, STAGE_DMARC, STAGE_DONE };

struct authentication {
    struct authentication_setup setup;
    struct dns_quota quota; /* between all checks and their sources */
    struct message_verifier *verifier;
    struct spf_check *spf[SPF_SCOPE_COUNT]; /* these four are NULL without a dns_source */
    struct dmarc_check *dmarc;
    struct iprev_check *iprev;
    void (*done)(void *owner);
    void *owner;

    enum stage stage;
    bool header_was_read;
    bool dmarc_runs;
    bool spf_runs[SPF_SCOPE_COUNT];   /* was begun for this message */
    bool spf_waits[SPF_SCOPE_COUNT];  /* its outcome is not there yet */
    bool iprev_runs, iprev_waits;
    bool verifier_waits, dmarc_waits;
    struct message_result result;
};

static bool create_network_checks(struct authentication *authentication) {
    struct dns_source *dns = &authentication->quota.dns;
    if (authentication->setup.dns == NULL) return true;
    for (size_t scope = 0; scope < SPF_SCOPE_COUNT; scope++) {
        authentication->spf[scope] = spf_check_create(dns, authentication->setup.clock);
        if (authentication->spf[scope] == NULL) return false;
    }
    authentication->dmarc = dmarc_check_create(dns);
    authentication->iprev = iprev_check_create(dns);
    return authentication->dmarc != NULL && authentication->iprev != NULL;
}

struct authentication *authentication_create(const struct authentication_setup *setup) {
    struct authentication *authentication = calloc(1, sizeof *authentication);
    if (authentication == NULL) return NULL;
    authentication->setup = *setup;
    dns_quota_init(&authentication->quota, setup->keys, setup->dns);
    authentication->stage = STAGE_DONE;
    authentication->verifier = message_verifier_create(setup->policy, &authentication->quota.keys, setup->clock);
    if (authentication->verifier != NULL && create_network_checks(authentication)) return authentication;
    authentication_destroy(authentication);
    return NULL;
}

void authentication_destroy(struct authentication *authentication) {
    if (authentication == NULL) return;
    for (size_t scope = 0; scope < SPF_SCOPE_COUNT; scope++) spf_check_destroy(authentication->spf[scope]);
    dmarc_check_destroy(authentication->dmarc);
    iprev_check_destroy(authentication->iprev);
    message_verifier_destroy(authentication->verifier);
    free(authentication);
}

/* ---- The verdicts fall in order: DKIM, ARC and SPF in any, then DMARC ---- */

static bool facts_wait(const struct authentication *authentication) {
    return authentication->verifier_waits || authentication->spf_waits[SPF_HELO] || authentication->spf_waits[SPF_MAIL_FROM];
}

/* What may speak for the author's domain: each verified d=, and the domain of the reverse-path; that of HELO where the
 * reverse-path is empty (RFC 7208 section 2.4). */
static size_t collect_identifiers(const struct authentication *authentication, struct dmarc_identifier *out) {
    const struct message_result *result = &authentication->result;
    size_t count = 0;
    for (size_t i = 0; i < result->dkim_count && count + 1 < DMARC_IDENTIFIERS_MAX; i++) {
        const struct dkim_result *dkim = &result->dkim[i];
        if (dkim->domain_ascii.len > 0 && (dkim->result == RESULT_PASS || dkim->result == RESULT_TEMPERROR))
            out[count++] = (struct dmarc_identifier){DMARC_BY_DKIM, dkim->domain_ascii, dkim->result};
    }
    const struct spf_result *spf = &result->spf[result->spf[SPF_MAIL_FROM].is_evaluated ? SPF_MAIL_FROM : SPF_HELO];
    if (spf->is_evaluated && spf->domain.len > 0)
        out[count++] = (struct dmarc_identifier){DMARC_BY_SPF, spf->domain, spf->result};
    return count;
}

static void judge_dmarc(struct authentication *authentication) {
    struct dmarc_identifier identifiers[DMARC_IDENTIFIERS_MAX];
    const struct message_result *result = &authentication->result;
    size_t count = collect_identifiers(authentication, identifiers);
    authentication->dmarc_waits = dmarc_check_judge(authentication->dmarc, result->from_domain, result->from_addresses, identifiers,
                                                    count) == DMARC_PENDING;
}

static void take_facts(struct authentication *authentication) {
    struct message_result *result = &authentication->result;
    *result = *message_verifier_result(authentication->verifier);
    for (size_t scope = 0; scope < SPF_SCOPE_COUNT; scope++)
        if (authentication->spf_runs[scope]) result->spf[scope] = *spf_check_result(authentication->spf[scope]);
}

static void take_rest(struct authentication *authentication) {
    struct message_result *result = &authentication->result;
    if (authentication->dmarc_runs) result->dmarc = *dmarc_check_result(authentication->dmarc);
    if (authentication->iprev_runs) result->iprev = *iprev_check_result(authentication->iprev);
}

/* Goes as far as the outcomes that are there allow; true: just now the last verdict fell. */
static bool advance(struct authentication *authentication) {
    if (authentication->stage == STAGE_FACTS && !facts_wait(authentication)) {
        authentication->stage = STAGE_DMARC;
        take_facts(authentication);
        if (authentication->dmarc_runs) judge_dmarc(authentication);
    }
    if (authentication->stage != STAGE_DMARC || authentication->dmarc_waits || authentication->iprev_waits) return false;
    take_rest(authentication);
    authentication->stage = STAGE_DONE;
    return true;
}

/* A check answered from the loop: its owner hears of it when it was the last. */
static void answered(struct authentication *authentication) {
    if (advance(authentication)) authentication->done(authentication->owner);
}

static void verifier_done(void *owner) {
    struct authentication *authentication = owner;
    authentication->verifier_waits = false;
    answered(authentication);
}

static void spf_helo_done(void *owner) {
    struct authentication *authentication = owner;
    authentication->spf_waits[SPF_HELO] = false;
    answered(authentication);
}

static void spf_mail_from_done(void *owner) {
    struct authentication *authentication = owner;
    authentication->spf_waits[SPF_MAIL_FROM] = false;
    answered(authentication);
}

static void dmarc_done(void *owner) {
    struct authentication *authentication = owner;
    authentication->dmarc_waits = false;
    answered(authentication);
}

static void iprev_done(void *owner) {
    struct authentication *authentication = owner;
    authentication->iprev_waits = false;
    answered(authentication);
}

/* ---- The message ---- */

static void begin_spf(struct authentication *authentication, enum spf_scope scope, const struct authentication_envelope *envelope,
                      void (*done)(void *owner)) {
    struct spf_question question = {.scope = scope, .is_v4 = envelope->is_v4, .helo = envelope->helo,
                                    .mail_from = envelope->mail_from, .receiver = authentication->setup.receiver};
    memcpy(question.address, envelope->address, sizeof question.address);
    authentication->spf_runs[scope] = true;
    authentication->spf_waits[scope] = spf_check_begin(authentication->spf[scope], &question, done, authentication) == SPF_PENDING;
}

static void begin_client(struct authentication *authentication, const struct authentication_envelope *envelope) {
    bool wants_spf = (envelope->left_out & AUTHENTICATION_NO_SPF) == 0;
    bool wants_one = (envelope->left_out & AUTHENTICATION_ONE_SPF) != 0;
    /* The null sender's identity is postmaster at the HELO name: the same question. */
    bool has_mail_from = envelope->mail_from.len > 0;
    if (wants_spf && !(wants_one && has_mail_from)) begin_spf(authentication, SPF_HELO, envelope, spf_helo_done);
    if (wants_spf && has_mail_from) begin_spf(authentication, SPF_MAIL_FROM, envelope, spf_mail_from_done);
    if ((envelope->left_out & AUTHENTICATION_NO_IPREV) != 0) return;
    authentication->iprev_runs = true;
    authentication->iprev_waits = iprev_check_begin(authentication->iprev, envelope->address, envelope->is_v4, iprev_done,
                                                    authentication) == IPREV_PENDING;
}

static void begin_envelope(struct authentication *authentication, const struct authentication_envelope *envelope) {
    authentication->dmarc_runs = (envelope->left_out & AUTHENTICATION_NO_DMARC) == 0;
    if (authentication->dmarc_runs) dmarc_check_begin(authentication->dmarc, dmarc_done, authentication);
    if (envelope->has_address) begin_client(authentication, envelope);
}

/* Whatever the message before still waits for would answer into this one. */
static void forget(struct authentication *authentication) {
    authentication_expire(authentication);
    authentication->header_was_read = authentication->dmarc_runs = false;
    for (size_t scope = 0; scope < SPF_SCOPE_COUNT; scope++) authentication->spf_runs[scope] = authentication->spf_waits[scope] = false;
    authentication->iprev_runs = authentication->iprev_waits = false;
    authentication->verifier_waits = authentication->dmarc_waits = false;
    authentication->result = (struct message_result){.dkim_count = 0};
}

void authentication_begin(struct authentication *authentication, const struct authentication_envelope *envelope,
                          void (*done)(void *owner), void *owner) {
    forget(authentication);
    authentication->done = done;
    authentication->owner = owner;
    authentication->stage = STAGE_OPEN;
    dns_quota_begin(&authentication->quota, authentication->setup.policy->dns_queries_max);
    message_verifier_begin(authentication->verifier, verifier_done, authentication);
    if (envelope != NULL && authentication->setup.dns != NULL) begin_envelope(authentication, envelope);
}

/* The last two labels of a name; all of it when it has no more. */
static struct span last_two_labels(struct span name) {
    size_t dots = 0, at = name.len;
    while (at > 0 && !(name.ptr[at - 1] == '.' && ++dots == 2)) at--;
    return span_after(name, at);
}

/* The header section is complete: the tree walks leave. A domain that does not share two labels with the author's has
 * another organizational domain whatever the DNS says. */
static void read_header(struct authentication *authentication) {
    authentication->header_was_read = true;
    struct span author = message_verifier_author_domain(authentication->verifier);
    if (!authentication->dmarc_runs || author.len == 0) return;
    dmarc_check_expect(authentication->dmarc, author);
    struct span domain;
    for (size_t i = 0; (domain = message_verifier_signing_domain(authentication->verifier, i)).len > 0; i++)
        if (span_equal(last_two_labels(domain), last_two_labels(author))) dmarc_check_expect(authentication->dmarc, domain);
}

enum verifier_progress authentication_update(struct authentication *authentication, struct span octets) {
    enum verifier_progress progress = message_verifier_update(authentication->verifier, octets);
    if (!authentication->header_was_read && message_verifier_header_complete(authentication->verifier)) read_header(authentication);
    return progress;
}

enum verifier_progress authentication_end(struct authentication *authentication) {
    enum verifier_progress progress = message_verifier_end(authentication->verifier);
    if (progress == VERIFIER_REFUSED) return progress;
    if (!authentication->header_was_read) read_header(authentication);
    authentication->verifier_waits = progress == VERIFIER_MORE;
    authentication->stage = STAGE_FACTS;
    return advance(authentication) ? VERIFIER_DONE : VERIFIER_MORE;
}

static void expire_client(struct authentication *authentication) {
    for (size_t scope = 0; scope < SPF_SCOPE_COUNT; scope++)
        if (authentication->spf_waits[scope]) spf_check_expire(authentication->spf[scope]);
    if (authentication->iprev_waits) iprev_check_expire(authentication->iprev);
    authentication->spf_waits[SPF_HELO] = authentication->spf_waits[SPF_MAIL_FROM] = authentication->iprev_waits = false;
}

bool authentication_expire_envelope(struct authentication *authentication) {
    expire_client(authentication);
    return advance(authentication);
}

void authentication_expire(struct authentication *authentication) {
    expire_client(authentication);
    if (authentication->verifier_waits) message_verifier_expire(authentication->verifier);
    authentication->verifier_waits = false;
    if (authentication->stage == STAGE_FACTS) advance(authentication);
    if (authentication->dmarc_waits) dmarc_check_expire(authentication->dmarc);
    authentication->dmarc_waits = false;
    if (authentication->stage == STAGE_DMARC) advance(authentication);
}

const struct message_result *authentication_result(const struct authentication *authentication) { return &authentication->result; }
const struct message_verifier *authentication_verifier(const struct authentication *authentication) { return authentication->verifier; }
