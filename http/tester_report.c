#include "http/tester_report.h"
#include <stdatomic.h>
#include <stdlib.h>
#include "base/arena.h"
#include "http/address_mask.h"

enum { REPORT_OCTETS_MAX = 32 << 20, MASK_MAX = 1 << 20 };

/* What stands around a report that was handed out. */
struct held {
    struct tester_report report; /* first */
    atomic_uint references;
    struct arena *arena;
    size_t octets;
};

static struct held *held_of(const struct tester_report *report) {
    return (struct held *)(uintptr_t)report; /* nobody but this file makes one */
}

const struct tester_report *tester_report_acquire(const struct tester_report *report) {
    atomic_fetch_add(&held_of(report)->references, 1);
    return report;
}

void tester_report_release(const struct tester_report *report) {
    if (report == NULL) return;
    struct held *held = held_of(report);
    if (atomic_fetch_sub(&held->references, 1) != 1) return;
    arena_destroy(held->arena);
    free(held);
}

size_t tester_report_octets(const struct tester_report *report) { return held_of(report)->octets; }

/* ---- copies ---- */

struct copier {
    struct arena *arena;
    struct bytes masked; /* scratch */
    size_t octets;
    bool masks, failed;
};

static void *take(struct copier *copier, const void *from, size_t size) {
    if (size == 0 || copier->failed) return NULL;
    void *to = arena_alloc(copier->arena, size);
    copier->failed = to == NULL;
    copier->octets += size;
    return to != NULL ? memcpy(to, from, size) : NULL;
}

/* Makes the span its own copy, masked where that is wanted. */
static void copy(struct copier *copier, struct span *span) {
    struct span from = *span;
    *span = (struct span){NULL, 0};
    if (copier->masks) {
        bytes_clear(&copier->masked);
        address_mask_append(&copier->masked, from);
        copier->failed |= copier->masked.failed;
        from = bytes_span(&copier->masked);
    }
    const char *to = take(copier, from.ptr, from.len);
    if (to != NULL) *span = (struct span){to, from.len};
}

static void copy_all(struct copier *copier, struct span *spans, size_t count) {
    for (size_t i = 0; i < count; i++) copy(copier, &spans[i]);
}

static void copy_findings(struct copier *copier, struct finding_list *list) {
    for (struct finding *finding = list->finding; finding < list->finding + list->count; finding++) {
        for (size_t i = 0; i < finding->arg_count; i++) copy(copier, &finding->arg[i].text);
        copy(copier, &finding->evidence.field);
        copy(copier, &finding->evidence.original);
        copy(copier, &finding->evidence.received);
    }
}

/* ---- what was found out about the message ---- */

static void copy_dkim(struct copier *copier, struct dkim_result *dkim) {
    copy(copier, &dkim->domain);
    copy(copier, &dkim->domain_ascii);
    copy(copier, &dkim->selector);
    copy(copier, &dkim->auid);
    copy(copier, &dkim->algorithm);
    copy(copier, &dkim->canonicalization);
    copy(copier, &dkim->signature);
    copy(copier, &dkim->detail);
    copy_all(copier, dkim->cname, dkim->cname_count);
}

static const struct message_result *copy_result(struct copier *copier, const struct message_result *from) {
    struct message_result *to = take(copier, from, sizeof *from);
    if (to == NULL) return NULL;
    struct dkim_result *dkim = take(copier, from->dkim, from->dkim_count * sizeof *dkim);
    if (dkim == NULL) to->dkim_count = 0;
    for (size_t i = 0; i < to->dkim_count; i++) copy_dkim(copier, &dkim[i]);
    to->dkim = dkim;
    copy(copier, &to->from_domain);
    copy(copier, &to->arc.sealer);
    for (size_t i = 0; i < SPF_SCOPE_COUNT; i++) {
        copy(copier, &to->spf[i].identity);
        copy(copier, &to->spf[i].domain);
        copy(copier, &to->spf[i].mechanism);
        copy(copier, &to->spf[i].detail);
        copy(copier, &to->spf[i].explanation);
    }
    copy(copier, &to->dmarc.domain);
    copy(copier, &to->dmarc.organizational_domain);
    copy(copier, &to->dmarc.policy_domain);
    copy(copier, &to->iprev.address);
    copy(copier, &to->iprev.name);
    return to;
}

/* ---- key records ---- */

static const struct record_text *copy_text(struct copier *copier, const struct record_text *from) {
    struct record_text *to = from != NULL ? take(copier, from, sizeof *from) : NULL;
    if (to == NULL) return NULL;
    copy(copier, &to->text);
    copy(copier, &to->strings);
    copy(copier, &to->key.text);
    copy(copier, &to->mended);
    for (size_t i = 0; i < to->tags.count; i++) {
        copy(copier, &to->tags.tag[i].name);
        copy(copier, &to->tags.tag[i].value);
        copy(copier, &to->tags.tag[i].raw_value);
    }
    return to;
}

static void copy_selector(struct copier *copier, struct record_selector *selector) {
    copy(copier, &selector->selector);
    copy(copier, &selector->name);
    copy(copier, &selector->expected_cname);
    copy_all(copier, selector->answer.cname, selector->answer.cname_count);
    copy_all(copier, selector->answer.record, selector->answer.record_count);
    copy_all(copier, selector->answer.strings, selector->answer.record_count);
    copy(copier, &selector->answer.reason);
    selector->record = copy_text(copier, selector->record);
    copy_findings(copier, &selector->findings);
}

static const struct provider_answer *copy_provider(struct copier *copier, const struct provider_answer *from) {
    struct provider_answer *to = from != NULL ? take(copier, from, sizeof *from) : NULL;
    if (to == NULL) return NULL;
    for (struct provider_selector *told = to->selector; told < to->selector + to->count; told++) {
        copy(copier, &told->selector);
        copy(copier, &told->name);
        copy(copier, &told->target);
        copy(copier, &told->name_as_written);
        copy(copier, &told->target_as_written);
    }
    copy(copier, &to->active);
    copy(copier, &to->unknown);
    return to;
}

static void copy_place(struct copier *copier, struct domain_policy_place *place) {
    copy(copier, &place->name);
    copy(copier, &place->reason);
    copy_all(copier, place->cname, place->cname_count);
    copy_all(copier, place->text, place->count < DOMAIN_POLICY_TEXTS_MAX ? place->count : DOMAIN_POLICY_TEXTS_MAX);
}

static const struct domain_policy *copy_policy(struct copier *copier, const struct domain_policy *from) {
    struct domain_policy *to = from != NULL ? take(copier, from, sizeof *from) : NULL;
    if (to == NULL) return NULL;
    copy_place(copier, &to->spf);
    for (size_t i = 0; i < to->asked; i++) copy_place(copier, &to->dmarc[i]);
    copy(copier, &to->policy_domain);
    copy(copier, &to->record_text);
    copy(copier, &to->organization);
    copy_findings(copier, &to->spf_findings);
    copy_findings(copier, &to->dmarc_findings);
    return to;
}

static void copy_record(struct copier *copier, struct record_report *record) {
    copy(copier, &record->domain);
    struct record_selector *selector = take(copier, record->selector, record->count * sizeof *selector);
    if (selector == NULL) record->count = 0;
    for (size_t i = 0; i < record->count; i++) copy_selector(copier, &selector[i]);
    record->selector = selector;
    struct record_pair *pair = record->pair != NULL ? take(copier, record->pair, sizeof *pair) : NULL;
    if (pair != NULL) copy_findings(copier, &pair->findings);
    record->pair = pair;
    record->provider = copy_provider(copier, record->provider);
    record->policy = copy_policy(copier, record->policy);
    copy_findings(copier, &record->findings);
}

/* The copy of a selector that stands somewhere in from's records. */
static const struct record_selector *same_selector(const struct tester_report *from, const struct tester_report *to,
                                                   const struct record_selector *wanted) {
    for (size_t i = 0; wanted != NULL && i < to->record_count; i++)
        for (size_t k = 0; k < to->record[i].count; k++)
            if (&from->record[i].selector[k] == wanted) return &to->record[i].selector[k];
    return NULL;
}

/* ---- all of it ---- */

static void copy_signature(struct copier *copier, struct tester_signature *signature) {
    struct tester_tag *tag = take(copier, signature->tag, signature->tag_count * sizeof *tag);
    if (tag == NULL) signature->tag_count = 0;
    for (size_t i = 0; i < signature->tag_count; i++) {
        copy(copier, &tag[i].name);
        copy(copier, &tag[i].value);
    }
    signature->tag = tag;
    if (copier->masks) signature->canonical_body.text.len = 0; /* may hold addresses in encodings that hide them */
    copy(copier, &signature->canonical_header.text);
    copy(copier, &signature->canonical_body.text);
}

static void copy_signatures(struct copier *copier, const struct tester_report *from, struct tester_report *to) {
    struct tester_signature *signature = take(copier, from->signature, from->signature_count * sizeof *signature);
    if (signature == NULL || to->result == NULL) to->signature_count = 0;
    for (size_t i = 0; i < to->signature_count; i++) {
        copy_signature(copier, &signature[i]);
        signature[i].result = &to->result->dkim[i];
        signature[i].key = same_selector(from, to, from->signature[i].key);
    }
    to->signature = signature;
}

static void copy_message(struct copier *copier, const struct tester_report *from, struct tester_report *to) {
    if (copier->masks) to->message = (struct tester_text){{NULL, 0}, 0};
    struct span *const spans[] = {&to->arrival.client, &to->arrival.helo, &to->arrival.mail_from, &to->from.text, &to->subject.text,
                                  &to->date.text, &to->message_id.text, &to->message.text};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) copy(copier, spans[i]);
    to->result = from->result != NULL ? copy_result(copier, from->result) : NULL;
    copy_signatures(copier, from, to);
    struct tester_step *step = take(copier, from->step, from->step_count * sizeof *step);
    if (step == NULL) to->step_count = 0;
    for (size_t i = 0; i < to->step_count; i++) {
        copy(copier, &step[i].from);
        copy(copier, &step[i].by);
        copy(copier, &step[i].with);
    }
    to->step = step;
    struct finding_list *findings = take(copier, from->findings, sizeof *findings);
    if (findings != NULL) copy_findings(copier, findings);
    to->findings = findings;
}

static void copy_report(struct copier *copier, const struct tester_report *from, struct tester_report *to) {
    *to = *from;
    to->is_masked |= copier->masks;
    struct record_report *record = take(copier, from->record, from->record_count * sizeof *record);
    if (record == NULL) to->record_count = 0;
    for (size_t i = 0; i < to->record_count; i++) copy_record(copier, &record[i]);
    to->record = record;
    copy_message(copier, from, to);
}

static const struct tester_report *make(const struct tester_report *from, bool masks) {
    struct held *held = calloc(1, sizeof *held);
    if (held == NULL) return NULL;
    atomic_init(&held->references, 1);
    held->arena = arena_create(REPORT_OCTETS_MAX);
    struct copier copier = {.arena = held->arena, .masked = bytes_with_cap(MASK_MAX), .masks = masks,
                            .failed = held->arena == NULL};
    copy_report(&copier, from, &held->report);
    held->octets = sizeof *held + copier.octets;
    bytes_release(&copier.masked);
    if (!copier.failed) return &held->report;
    tester_report_release(&held->report);
    return NULL;
}

const struct tester_report *tester_report_make(const struct tester_report *draft) { return make(draft, false); }
const struct tester_report *tester_report_mask(const struct tester_report *report) { return make(report, true); }
