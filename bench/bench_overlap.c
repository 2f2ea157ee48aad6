/* bench_overlap.c -- what slow DNS adds to a message: every answer comes 200 ms after its question, and a message with a
 * DKIM signature, an SPF record with an include, a DMARC record and a client with a name is authenticated with nothing in
 * any cache. Wall time from MAIL FROM, with the whole message right behind it, to the last verdict, in answers; and how many
 * answers it would be one after the other. */
#include <stdio.h>
#include <stdlib.h>
#include "base/loop.h"
#include "bench/corpus.h"
#include "bench/measure.h"
#include "verifier/authentication.h"
#include "verifier/dns_zone.h"
#include "verifier/key_cache.h"
#include "verifier/key_lookup.h"

enum { ANSWER_MS = 200, MESSAGES_MAX = 20, CACHE_OCTETS = 1 << 20, QUESTIONS_MAX = 64, BODY = 10 * 1024 };

/* Answers from zone files, each ANSWER_MS after its question. */
struct slow_dns {
    struct dns_source source; /* first: a pointer to it is a pointer to the whole */
    struct dns_source *zone;
    struct loop *loop;
    unsigned asked;
    struct question {
        struct slow_dns *dns;
        struct loop_timer *timer;
        struct dns_query *query; /* NULL: not under way */
        enum dns_type type;
        size_t len;
        char name[DNS_NAME_MAX + 1];
    } questions[QUESTIONS_MAX];
};

static void answer(void *owner) {
    static struct dns_query unused; /* zone files answer by return value */
    struct question *question = owner;
    struct dns_query *query = question->query;
    struct dns_answer found;
    question->query = NULL;
    if (dns_lookup(question->dns->zone, (struct span){question->name, question->len}, question->type, &unused, &found) == DNS_ANSWERED)
        query->answered(query, &found);
}

static enum dns_progress ask(struct dns_source *source, struct span name, enum dns_type type, struct dns_query *query,
                             struct dns_answer *failed) {
    struct slow_dns *dns = (struct slow_dns *)(void *)source;
    struct question *question = dns->questions;
    while (question < dns->questions + QUESTIONS_MAX && question->query != NULL) question++;
    if (question == dns->questions + QUESTIONS_MAX || name.len > DNS_NAME_MAX) {
        *failed = (struct dns_answer){.status = DNS_SERVFAIL};
        return DNS_ANSWERED;
    }
    dns->asked++;
    question->query = query;
    question->type = type;
    question->len = name.len;
    memcpy(question->name, name.ptr, name.len);
    query->source_data = question;
    loop_timer_start(question->timer, ANSWER_MS);
    return DNS_PENDING;
}

static void cancel(struct dns_source *source, struct dns_query *query) {
    struct question *question = query->source_data;
    (void)source;
    loop_timer_stop(question->timer);
    question->query = NULL;
}

static bool slow_dns_init(struct slow_dns *dns, struct dns_source *zone, struct loop *loop) {
    *dns = (struct slow_dns){.source = {ask, cancel}, .zone = zone, .loop = loop};
    for (struct question *question = dns->questions; question < dns->questions + QUESTIONS_MAX; question++) {
        question->dns = dns;
        question->timer = loop_timer_create(loop, answer, question);
        if (question->timer == NULL) return false;
    }
    return true;
}

static void slow_dns_release(struct slow_dns *dns) {
    for (struct question *question = dns->questions; question < dns->questions + QUESTIONS_MAX; question++)
        loop_timer_destroy(question->timer);
}

static bool fill_zone(struct dns_zone *zone, const struct corpus_signer *signer) {
    struct span question = corpus_signer_question(signer), record = corpus_signer_record(signer);
    struct bytes text = bytes_with_cap(1 << 16);
    char *error = NULL;
    bytes_append_text(&text, "news.example.com. TXT \"v=spf1 include:_spf.example.com -all\"\n"
                             "_spf.example.com. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
                             "_dmarc.example.com. TXT \"v=DMARC1; p=reject\"\n"
                             "mail.example.com. TXT \"v=spf1 a -all\"\n"
                             "mail.example.com. A 192.0.2.1\n"
                             "1.2.0.192.in-addr.arpa. PTR mail.example.com.\n");
    bytes_append_format(&text, "%.*s. TXT ", (int)question.len, question.ptr);
    for (size_t at = 0; at < record.len; at += 200) { /* strings of at most 255 octets */
        size_t len = record.len - at < 200 ? record.len - at : 200;
        bytes_append_format(&text, "\"%.*s\" ", (int)len, record.ptr + at);
    }
    bytes_append_text(&text, "\n");
    bool filled = !text.failed && dns_zone_add_text(zone, "bench", bytes_span(&text), &error);
    if (error != NULL) fprintf(stderr, "%s\n", error);
    free(error);
    bytes_release(&text);
    return filled;
}

static void stop(void *owner) { loop_stop(owner); }

/* Everything a message needs, made anew for each so that nothing is cached. Milliseconds; below 0: it did not pass. */
static double authenticate(struct loop *loop, struct slow_dns *dns, struct span message) {
    struct authentication_envelope envelope = {.has_address = true, .address = {192, 0, 2, 1}, .is_v4 = true,
                                               .helo = span_of("mail.example.com"), .mail_from = span_of("newsletter@news.example.com")};
    struct key_cache *cache = key_cache_create(CACHE_OCTETS, 0, &clock_system);
    struct key_lookup *lookup = cache != NULL ? key_lookup_create(cache, &dns->source, &clock_system, NULL) : NULL;
    if (lookup == NULL) return -1;
    struct authentication_setup setup = {.policy = &verifier_policy_default, .keys = key_lookup_source(lookup), .dns = &dns->source,
                                         .clock = &clock_system, .receiver = span_of("mx.example.org")};
    struct authentication *authentication = authentication_create(&setup);
    double ms = -1;
    if (authentication != NULL) {
        int64_t start = clock_monotonic_us(&clock_system);
        authentication_begin(authentication, &envelope, stop, loop);
        authentication_update(authentication, message);
        bool ended = authentication_end(authentication) == VERIFIER_DONE || loop_run(loop);
        const struct message_result *result = authentication_result(authentication);
        if (ended && result->dmarc.dkim_aligned && result->dmarc.spf_aligned && result->iprev.result == RESULT_PASS)
            ms = (double)(clock_monotonic_us(&clock_system) - start) / 1e3;
    }
    authentication_destroy(authentication);
    key_lookup_destroy(lookup);
    key_cache_destroy(cache);
    return ms;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool print_delays(struct loop *loop, struct slow_dns *dns, struct span message, size_t count) {
    double delays[MESSAGES_MAX];
    for (size_t i = 0; i < count; i++) {
        delays[i] = authenticate(loop, dns, message);
        if (delays[i] < 0) return false;
    }
    qsort(delays, count, sizeof *delays, by_size);
    double asked = (double)dns->asked / (double)count;
    printf("%-44s median %7.1f ms, least %7.1f, most %7.1f: %.2f answers\n", "DKIM, SPF, DMARC and iprev together", delays[count / 2],
           delays[0], delays[count - 1], delays[count / 2] / ANSWER_MS);
    printf("%-44s %14.1f ms: %.0f answers\n", "the same questions one after the other", asked * ANSWER_MS, asked);
    return true;
}

int main(int argc, char **argv) {
    struct measure_plan plan = measure_plan_of(argc, argv);
    size_t count = plan.rounds < MESSAGES_MAX ? plan.rounds : MESSAGES_MAX;
    struct corpus_signer *signer = corpus_signer_create(CORPUS_RSA_2048);
    struct corpus_message message;
    corpus_message_make(&message, &(struct corpus_recipe){{signer}, CANON_RELAXED, CORPUS_TEXT, BODY, 1});
    struct loop *loop = loop_create();
    struct dns_zone *zone = dns_zone_create();
    static struct slow_dns dns;
    bool ok = loop != NULL && zone != NULL && fill_zone(zone, signer) &&
              slow_dns_init(&dns, dns_zone_source(zone), loop);
    printf("Delay by DNS that answers after %d ms, nothing cached, %zu messages\n\n", ANSWER_MS, count);
    ok = ok && print_delays(loop, &dns, bytes_span(&message.octets), count);
    if (!ok) fprintf(stderr, "bench_overlap: the message did not pass\n");

    slow_dns_release(&dns);
    dns_zone_destroy(zone);
    loop_destroy(loop);
    corpus_message_release(&message);
    corpus_signer_destroy(signer);
    return ok ? 0 : 1;
}
