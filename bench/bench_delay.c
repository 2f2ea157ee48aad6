/* bench_delay.c -- what verification adds after the final octet of a message that comes slowly.
 * A 1 MB message in pieces of 16 KiB, one every few milliseconds; the key record comes 50 ms after it was asked for, which
 * is long before the end, since the lookup left when the header section ended. Wall time from the moment the last piece
 * is there to the moment Authentication-Results is written. */
#include <stdio.h>
#include <stdlib.h>
#include "base/loop.h"
#include "bench/corpus.h"
#include "bench/measure.h"
#include "verifier/auth_results.h"
#include "verifier/message_verifier.h"

enum { PIECE = 16 * 1024, BODY = 1024 * 1024, PIECE_MS = 3, KEY_MS = 50, MESSAGES_MAX = 32 };

/* Keys that always come KEY_MS later. */
struct slow_keys {
    struct key_source source; /* first: a pointer to it is a pointer to the whole */
    struct key_entry *entry;
    struct key_request *asked;
    struct loop_timer *timer;
};

static enum key_progress ask(struct key_source *source, struct span name, struct key_request *request, struct key_entry **entry) {
    struct slow_keys *keys = (struct slow_keys *)(void *)source;
    (void)name, (void)entry;
    keys->asked = request;
    loop_timer_start(keys->timer, KEY_MS);
    return KEY_PENDING;
}

static void cancel(struct key_source *source, struct key_request *request) {
    struct slow_keys *keys = (struct slow_keys *)(void *)source;
    (void)request;
    loop_timer_stop(keys->timer);
}

static void serve(void *owner) {
    struct slow_keys *keys = owner;
    keys->asked->ready(keys->asked, key_entry_acquire(keys->entry));
}

struct delivery {
    struct loop *loop;
    struct loop_timer *timer; /* the next piece */
    struct message_verifier *verifier;
    struct span message;
    size_t sent, piece;       /* octets */
    int64_t piece_ms, last_us;
    double delay_ms;          /* what is measured */
    bool passed;
    struct bytes field;
};

static void finish(void *owner) {
    struct delivery *delivery = owner;
    const struct message_result *result = message_verifier_result(delivery->verifier);
    bytes_clear(&delivery->field);
    delivery->passed = result->dkim_count == 1 && result->dkim[0].result == RESULT_PASS &&
                       auth_results_write(&delivery->field, span_of("mx.example.org"), result);
    delivery->delay_ms = (double)(clock_monotonic_us(&clock_system) - delivery->last_us) / 1e3;
    loop_stop(delivery->loop);
}

static void send_piece(void *owner) {
    struct delivery *delivery = owner;
    size_t left = delivery->message.len - delivery->sent, len = left < delivery->piece ? left : delivery->piece;
    delivery->last_us = clock_monotonic_us(&clock_system);
    message_verifier_update(delivery->verifier, span_first(span_after(delivery->message, delivery->sent), len));
    delivery->sent += len;
    if (delivery->sent < delivery->message.len) loop_timer_start(delivery->timer, delivery->piece_ms);
    else if (message_verifier_end(delivery->verifier) == VERIFIER_DONE) finish(delivery);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sends the message count times and prints the delays. */
static bool print_delays(struct delivery *delivery, const char *name, size_t count) {
    double delays[MESSAGES_MAX];
    for (size_t i = 0; i < count; i++) {
        delivery->sent = 0;
        message_verifier_begin(delivery->verifier, finish, delivery);
        loop_timer_start(delivery->timer, 0);
        if (!loop_run(delivery->loop) || !delivery->passed) return false;
        delays[i] = delivery->delay_ms;
    }
    qsort(delays, count, sizeof *delays, by_size);
    printf("%-44s median %7.3f ms, least %7.3f, most %7.3f\n", name, delays[count / 2], delays[0], delays[count - 1]);
    return true;
}

int main(int argc, char **argv) {
    struct measure_plan plan = measure_plan_of(argc, argv);
    size_t count = plan.rounds < MESSAGES_MAX ? plan.rounds : MESSAGES_MAX;
    struct corpus_signer *signer = corpus_signer_create(CORPUS_RSA_2048);
    struct corpus_message message;
    corpus_message_make(&message, &(struct corpus_recipe){{signer}, CANON_RELAXED, CORPUS_HTML, BODY, 1});
    struct dns_answer answer = {.status = DNS_FOUND, .ttl_s = 3600, .record_count = 1, .record = {corpus_signer_record(signer)}};
    struct slow_keys keys = {.source = {ask, cancel}, .entry = key_entry_create(&answer, clock_unix_s(&clock_system))};
    struct delivery delivery = {.loop = loop_create(), .message = bytes_span(&message.octets), .field = bytes_with_cap(4096)};
    delivery.verifier = message_verifier_create(&verifier_policy_default, &keys.source, &clock_system);
    if (delivery.loop == NULL || delivery.verifier == NULL || keys.entry == NULL) return 1;
    keys.timer = loop_timer_create(delivery.loop, serve, &keys);
    delivery.timer = loop_timer_create(delivery.loop, send_piece, &delivery);
    if (keys.timer == NULL || delivery.timer == NULL) return 1;

    printf("Delay after the final octet: %zu octets, key record %d ms after the question, %zu messages\n\n", message.octets.len,
           KEY_MS, count);
    delivery.piece = PIECE;
    delivery.piece_ms = PIECE_MS;
    bool ok = print_delays(&delivery, "slowly, 16 KiB every 3 ms", count);
    delivery.piece = delivery.message.len;
    ok = ok && print_delays(&delivery, "all at once, so that the key is waited for", count);
    if (!ok) fprintf(stderr, "bench_delay: the message did not pass\n");

    loop_timer_destroy(delivery.timer);
    loop_timer_destroy(keys.timer);
    message_verifier_destroy(delivery.verifier);
    key_entry_release(keys.entry);
    loop_destroy(delivery.loop);
    bytes_release(&delivery.field);
    corpus_message_release(&message);
    corpus_signer_destroy(signer);
    return ok ? 0 : 1;
}
