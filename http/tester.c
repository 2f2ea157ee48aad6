#include "http/tester.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/keyed_hash.h"
#include "base/lru_map.h"
#include "base/metrics.h"
#include "http/event_stream.h"
#include "http/tester_desk.h"
#include "verifier/domain_name.h"
#include "verifier/record_paste.h"

enum { MAP_OCTETS_MAX = 1 << 30, MAP_ENTRY_OCTETS = 1 }; /* tests_max is the bound */

const char *tester_status_text(enum tester_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {TESTER_STATUSES(X)};
#undef X
    return texts[status];
}

const struct tester_setup *tester_facts(const struct tester *tester) { return &tester->setup; }

/* ---- life ---- */

static void keep(void *value) { (void)value; } /* the list of tests owns them */

static bool copy_texts(struct tester *tester, const struct tester_setup *setup) {
    tester->setup.domain = tester->domain = strdup(setup->domain);
    tester->setup.base_url = tester->base_url = strdup(setup->base_url);
    tester->setup.authserv_id = tester->authserv_id = strdup(setup->authserv_id);
    return tester->domain != NULL && tester->base_url != NULL && tester->authserv_id != NULL;
}

static bool prepare(struct tester *tester, const struct tester_setup *setup) {
    const struct client_quota_rates rates = {setup->tests_per_minute, setup->dns_per_minute, setup->dns_per_minute_total};
    if (!copy_texts(tester, setup)) return false;
    tester->quota = client_quota_create(&rates, setup->clock);
    tester->by_token = lru_map_create(MAP_OCTETS_MAX, keep);
    tester->by_share = lru_map_create(MAP_OCTETS_MAX, keep);
    tester->loop = loop_create();
    if (tester->loop != NULL) tester->tick = loop_timer_create(tester->loop, desk_tick, tester);
    return tester->quota != NULL && tester->by_token != NULL && tester->by_share != NULL && tester->tick != NULL;
}

struct tester *tester_create(const struct tester_setup *setup) {
    struct tester *tester = calloc(1, sizeof *tester);
    if (tester == NULL) return NULL;
    tester->setup = *setup;
    tester->wake.run = desk_wake;
    list_init(&tester->wake.node);
    list_init(&tester->running);
    list_init(&tester->waiting);
    list_init(&tester->tests);
    pthread_mutex_init(&tester->lock, NULL);
    tester->counters = metrics_worker_create(setup->metrics);
    if (prepare(tester, setup)) return tester;
    tester_destroy(tester);
    return NULL;
}

/* The thread inherits the mask: signals are for the daemon's main thread. */
bool tester_start(struct tester *tester) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    tester->is_started = pthread_create(&tester->thread, NULL, desk_thread, tester) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return tester->is_started;
}

static void stop_thread(struct tester *tester) {
    pthread_mutex_lock(&tester->lock);
    tester->is_stopping = true;
    pthread_mutex_unlock(&tester->lock);
    if (!tester->is_started) return;
    loop_stop(tester->loop);
    pthread_join(tester->thread, NULL);
}

void tester_destroy(struct tester *tester) {
    if (tester == NULL) return;
    stop_thread(tester);
    for (struct list *node; (node = list_take_first(&tester->waiting)) != NULL;) {
        struct errand *errand = LIST_ENTRY(node, struct errand, node);
        if (errand->answer.stream != NULL) event_stream_end(errand->answer.stream);
        errand_destroy(errand);
    }
    while (!list_is_empty(&tester->tests)) desk_forget(tester, LIST_ENTRY(tester->tests.next, struct test, node));
    client_quota_destroy(tester->quota);
    lru_map_destroy(tester->by_token);
    lru_map_destroy(tester->by_share);
    loop_timer_destroy(tester->tick);
    if (tester->loop != NULL) loop_post_cancel(tester->loop, &tester->wake);
    loop_destroy(tester->loop);
    pthread_mutex_destroy(&tester->lock);
    free(tester->domain);
    free(tester->base_url);
    free(tester->authserv_id);
    free(tester);
}

/* ---- the desk's own, with the lock held ---- */

static struct span token_span(const char *token) { return (struct span){token, TESTER_TOKEN_LENGTH}; }

static int64_t now_s(const struct tester *tester) { return clock_unix_s(tester->setup.clock); }

void desk_count_watchers(struct tester *tester, size_t gone) {
    tester->watcher_count -= gone;
    metrics_move(tester->counters, METRIC_TESTER_SUBSCRIBERS, -(int64_t)gone);
}

void desk_forget(struct tester *tester, struct test *test) {
    list_remove(&test->node);
    tester->test_count--;
    tester->memory -= test_octets(test);
    lru_map_remove(tester->by_token, token_span(test->token));
    if (test->share[0] != '\0') lru_map_remove(tester->by_share, token_span(test->share));
    desk_count_watchers(tester, test_destroy(test));
}

static struct test *alive(const struct tester *tester, struct test *test) {
    return test != NULL && now_s(tester) < test->deleted_s ? test : NULL;
}

struct test *desk_find(struct tester *tester, const char *token) {
    return alive(tester, lru_map_get(tester->by_token, token_span(token)));
}

bool desk_make_room(struct tester *tester, size_t octets) {
    while (tester->memory + octets > tester->setup.memory_max && !list_is_empty(&tester->tests))
        desk_forget(tester, LIST_ENTRY(tester->tests.next, struct test, node));
    return tester->memory + octets <= tester->setup.memory_max;
}

void desk_look_after(struct tester *tester) {
    int64_t now = now_s(tester), now_us = clock_monotonic_us(tester->setup.clock);
    for (struct list *node = tester->tests.next, *next; node != &tester->tests; node = next) {
        struct test *test = LIST_ENTRY(node, struct test, node);
        next = node->next;
        if (now >= test->deleted_s) {
            desk_forget(tester, test);
            continue;
        }
        desk_count_watchers(tester, test_end_if_over(test, now));
        desk_count_watchers(tester, test_look_after_watchers(test, now_us));
    }
}

/* ---- opening ---- */

static void count_test(struct tester *tester, enum tester_source source) {
    _Static_assert((int)METRIC_TESTER_SOURCE_COUNT == (int)TESTER_SOURCE_COUNT, "a source's value is its label's");
    metrics_count(tester->counters, METRIC_TESTER_TESTS, source, 0);
}

static bool file_test(struct tester *tester, struct test *test) {
    while (tester->test_count >= tester->setup.tests_max) desk_forget(tester, LIST_ENTRY(tester->tests.next, struct test, node));
    if (!lru_map_put(tester->by_token, token_span(test->token), test, MAP_ENTRY_OCTETS)) return false;
    list_append(&tester->tests, &test->node);
    tester->test_count++;
    tester->memory += test_octets(test);
    return true;
}

/* Takes request, whatever comes of it. */
static enum tester_status queue(struct tester *tester, struct tester_request *request, const struct test *test, struct span client,
                                const struct tester_answer *answer) {
    struct errand *errand = request != NULL ? calloc(1, sizeof *errand) : NULL;
    if (errand == NULL) return tester_request_destroy(request), TESTER_NO_MEMORY;
    list_init(&errand->node);
    errand->tester = tester;
    errand->request = request;
    errand->octets = request->octets;
    if (client.len < sizeof errand->client) (void)snprintf(errand->client, sizeof errand->client, "%.*s", (int)client.len, client.ptr);
    if (test != NULL) {
        memcpy(errand->token, test->token, sizeof errand->token);
        errand->message = test->received - 1;
    }
    if (answer != NULL) {
        errand->answer = *answer;
        event_stream_acquire(answer->stream);
    }
    tester->memory += errand->octets;
    desk_queue(tester, errand);
    return TESTER_OK;
}

/* Whether one more request may wait. */
static enum tester_status admit(struct tester *tester, size_t octets) {
    if (tester->is_stopping || tester->waiting_count >= DESK_WAITING_MAX) return TESTER_TOO_MANY;
    return desk_make_room(tester, octets) ? TESTER_OK : TESTER_TOO_MANY;
}

/* Puts message into test and on its way. request is a copy of it, and taken; NULL: there was no memory for one. */
static enum tester_status submit(struct tester *tester, struct test *test, const struct tester_message *message,
                                 struct tester_request *request) {
    size_t before = test_octets(test);
    if (request == NULL || !test_receive(test, message, now_s(tester))) return tester_request_destroy(request), TESTER_NO_MEMORY;
    tester->memory += test_octets(test) - before;
    enum tester_status status = queue(tester, request, test, span_of(test->client), NULL);
    if (status != TESTER_OK) test_take_report(test, test->received - 1, NULL, now_s(tester));
    return status;
}

static enum tester_status open_test(struct tester *tester, enum tester_source source, struct span client,
                                    const struct tester_message *message, struct tester_request *request,
                                    struct tester_ticket *ticket) {
    char storage[48];
    struct test *test = test_create(source, client_quota_key(client, storage), now_s(tester), tester->setup.retention_s);
    if (test == NULL || !file_test(tester, test)) {
        if (test != NULL) (void)test_destroy(test);
        tester_request_destroy(request);
        return TESTER_NO_MEMORY;
    }
    count_test(tester, source);
    memcpy(ticket->token, test->token, sizeof ticket->token);
    ticket->expires_s = test->expires_s;
    ticket->deleted_s = test->deleted_s;
    if (message == NULL) return TESTER_OK;
    enum tester_status status = submit(tester, test, message, request);
    if (status != TESTER_OK) desk_forget(tester, test);
    return status;
}

enum tester_status tester_open(struct tester *tester, enum tester_source source, struct tester_client client,
                               const struct tester_message *message, struct tester_ticket *ticket) {
    *ticket = (struct tester_ticket){.retry_after_s = 1};
    if (message != NULL && message->octets.len > TESTER_UPLOAD_MAX) return TESTER_TOO_LARGE;
    struct tester_request *request = message != NULL ? tester_request_of_message(message) : NULL;
    pthread_mutex_lock(&tester->lock);
    enum tester_status status = admit(tester, request != NULL ? request->octets : 0);
    if (status == TESTER_OK && !client_quota_take(tester->quota, client.address, &ticket->retry_after_s)) status = TESTER_TOO_MANY;
    if (status == TESTER_OK)
        status = open_test(tester, source, client.address, message, request, ticket);
    else
        tester_request_destroy(request);
    pthread_mutex_unlock(&tester->lock);
    return status;
}

/* Takes request. */
static enum tester_status ask(struct tester *tester, enum tester_source source, struct span client, struct tester_request *request,
                              const struct tester_answer *answer, unsigned *retry_after_s) {
    char storage[48];
    *retry_after_s = 1;
    if (request == NULL) return TESTER_NO_MEMORY;
    pthread_mutex_lock(&tester->lock);
    enum tester_status status = admit(tester, request->octets);
    if (status == TESTER_OK && !client_quota_take(tester->quota, client, retry_after_s)) status = TESTER_TOO_MANY;
    if (status == TESTER_OK) {
        count_test(tester, source);
        status = queue(tester, request, NULL, client_quota_key(client, storage), answer);
    } else {
        tester_request_destroy(request);
    }
    pthread_mutex_unlock(&tester->lock);
    return status;
}

enum tester_status tester_verify(struct tester *tester, enum tester_source source, struct tester_client client,
                                 const struct tester_message *message, const struct tester_answer *answer,
                                 unsigned *retry_after_s) {
    *retry_after_s = 1;
    if (message->octets.len > TESTER_UPLOAD_MAX) return TESTER_TOO_LARGE;
    return ask(tester, source, client.address, tester_request_of_message(message), answer, retry_after_s);
}

static bool is_name(struct span name, bool need_dot) {
    char out[DOMAIN_NAME_MAX];
    return domain_name_write(name, need_dot, out) > 0;
}

static bool is_sound(const struct tester_question *question) {
    bool from_provider = question->provider_answer.len > 0;
    if (question->domain.len == 0 ? !from_provider : !is_name(question->domain, true)) return false;
    if (question->selector_count == 0 && question->record.len > 0 && !from_provider) return false; /* it has no place */
    for (size_t i = 0; i < question->selector_count; i++)
        if (!is_name(question->selector[i], false)) return false;
    return question->selector_count <= TESTER_SELECTORS_MAX;
}

enum tester_status tester_ask(struct tester *tester, enum tester_source source, struct tester_client client,
                              const struct tester_question *question, const struct tester_answer *answer,
                              unsigned *retry_after_s) {
    *retry_after_s = 1;
    if (!is_sound(question)) return TESTER_BAD_QUESTION;
    if (question->provider_answer.len > PROVIDER_TEXT_MAX || question->record.len > RECORD_PASTE_MAX) return TESTER_TOO_LARGE;
    return ask(tester, source, client.address, tester_request_of_question(question), answer, retry_after_s);
}

/* ---- mail ---- */

static struct test *find(struct tester *tester, struct span text) {
    char token[TESTER_TOKEN_LENGTH + 1];
    return tester_token_read(text, token) ? desk_find(tester, token) : NULL;
}

/* A test of a text has no address. */
static enum tester_status accepts(const struct tester *tester, const struct test *test) {
    if (test == NULL || test->source != TESTER_BY_MAIL) return TESTER_UNKNOWN;
    return test_takes_mail(test, now_s(tester)) ? TESTER_OK : TESTER_EXPIRED;
}

enum tester_status tester_accepts(struct tester *tester, struct span local_part) {
    pthread_mutex_lock(&tester->lock);
    enum tester_status status = accepts(tester, find(tester, local_part));
    pthread_mutex_unlock(&tester->lock);
    return status;
}

/* Takes request. The oldest test gives way to a message, which may be this one: so it is looked up once more. */
static enum tester_status receive(struct tester *tester, struct span local_part, const struct tester_message *message,
                                  struct tester_request *request) {
    enum tester_status status = accepts(tester, find(tester, local_part));
    if (status == TESTER_OK) status = admit(tester, request->octets);
    if (status == TESTER_OK && !client_quota_has_lookups(tester->quota)) status = TESTER_TOO_MANY;
    struct test *test = status == TESTER_OK ? find(tester, local_part) : NULL;
    if (test != NULL) return submit(tester, test, message, request);
    tester_request_destroy(request);
    return status == TESTER_OK ? TESTER_TOO_MANY : status;
}

enum tester_status tester_receive(struct tester *tester, struct span local_part, const struct tester_message *message) {
    if (message->octets.len > TESTER_UPLOAD_MAX) return TESTER_TOO_LARGE;
    struct tester_request *request = tester_request_of_message(message);
    if (request == NULL) return TESTER_NO_MEMORY;
    pthread_mutex_lock(&tester->lock);
    enum tester_status status = receive(tester, local_part, message, request);
    pthread_mutex_unlock(&tester->lock);
    return status;
}

/* ---- looking ---- */

static void fill_view(const struct tester *tester, const struct test *test, struct tester_view *view) {
    *view = (struct tester_view){.source = test->source, .opened_s = test->opened_s, .expires_s = test->expires_s,
                                 .deleted_s = test->deleted_s, .takes_mail = test_takes_mail(test, now_s(tester)),
                                 .received = test->received};
    memcpy(view->token, test->token, sizeof view->token);
    memcpy(view->share, test->share, sizeof view->share);
    for (unsigned i = 0; i < test->received; i++)
        if (test->message[i].report != NULL) view->report[view->report_count++] = tester_report_acquire(test->message[i].report);
}

enum tester_status tester_find(struct tester *tester, struct span token, struct tester_view *view) {
    pthread_mutex_lock(&tester->lock);
    const struct test *test = find(tester, token);
    if (test != NULL) fill_view(tester, test, view);
    pthread_mutex_unlock(&tester->lock);
    return test != NULL ? TESTER_OK : TESTER_UNKNOWN;
}

/* Masked reports are made when somebody first asks for one. */
static bool mask(struct tester *tester, struct test *test) {
    size_t before = test_octets(test);
    bool is_whole = true;
    for (unsigned i = 0; i < test->received; i++) {
        struct test_message *message = &test->message[i];
        if (message->report == NULL || message->masked != NULL) continue;
        message->masked = tester_report_mask(message->report);
        is_whole &= message->masked != NULL;
    }
    tester->memory += test_octets(test) - before;
    return is_whole;
}

static enum tester_status find_shared(struct tester *tester, struct span share, struct tester_view *view) {
    char token[TESTER_TOKEN_LENGTH + 1];
    struct test *test = tester_token_read(share, token) ? alive(tester, lru_map_get(tester->by_share, token_span(token))) : NULL;
    if (test == NULL) return TESTER_UNKNOWN;
    if (!mask(tester, test)) return TESTER_NO_MEMORY;
    fill_view(tester, test, view);
    tester_view_release(view);
    view->token[0] = '\0';
    for (unsigned i = 0; i < test->received; i++)
        if (test->message[i].masked != NULL) view->report[view->report_count++] = tester_report_acquire(test->message[i].masked);
    return TESTER_OK;
}

enum tester_status tester_find_shared(struct tester *tester, struct span share, struct tester_view *view) {
    pthread_mutex_lock(&tester->lock);
    enum tester_status status = find_shared(tester, share, view);
    pthread_mutex_unlock(&tester->lock);
    return status;
}

void tester_view_release(struct tester_view *view) {
    for (size_t i = 0; i < view->report_count; i++) tester_report_release(view->report[i]);
    view->report_count = 0;
}

static enum tester_status share_test(struct tester *tester, struct test *test) {
    if (test == NULL) return TESTER_UNKNOWN;
    if (test->share[0] != '\0') return TESTER_OK;
    if (tester_token_make(test->share) && lru_map_put(tester->by_share, token_span(test->share), test, MAP_ENTRY_OCTETS))
        return TESTER_OK;
    test->share[0] = '\0';
    return TESTER_NO_MEMORY;
}

enum tester_status tester_share(struct tester *tester, struct span token, char share[TESTER_TOKEN_LENGTH + 1]) {
    pthread_mutex_lock(&tester->lock);
    struct test *test = find(tester, token);
    enum tester_status status = share_test(tester, test);
    if (status == TESTER_OK) memcpy(share, test->share, sizeof test->share);
    pthread_mutex_unlock(&tester->lock);
    return status;
}

enum tester_status tester_delete(struct tester *tester, struct span token) {
    pthread_mutex_lock(&tester->lock);
    struct test *test = find(tester, token);
    if (test != NULL) desk_forget(tester, test);
    pthread_mutex_unlock(&tester->lock);
    return test != NULL ? TESTER_OK : TESTER_UNKNOWN;
}

/* ---- watching ---- */

static size_t watchers_of(struct tester *tester, uint64_t client_hash) {
    size_t count = 0;
    for (struct list *node = tester->tests.next; node != &tester->tests; node = node->next) {
        struct test *test = LIST_ENTRY(node, struct test, node);
        for (struct list *one = test->watchers.next; one != &test->watchers; one = one->next)
            count += LIST_ENTRY(one, struct watcher, node)->client_hash == client_hash;
    }
    return count;
}

/* A client that went away shows only when its stream is written to. So each of its streams is, here: those of pages that were
 * left will have ended when it tries again, a moment later. */
static size_t living_watchers_of(struct tester *tester, uint64_t client_hash) {
    size_t count = 0;
    for (struct list *node = tester->tests.next; node != &tester->tests; node = node->next) {
        struct test *test = LIST_ENTRY(node, struct test, node);
        for (struct list *one = test->watchers.next; one != &test->watchers; one = one->next) {
            struct watcher *watcher = LIST_ENTRY(one, struct watcher, node);
            if (watcher->client_hash != client_hash) continue;
            count += event_stream_write(watcher->stream, span_of(watcher->writer->comment));
        }
    }
    return count;
}

static bool has_too_many(struct tester *tester, uint64_t client_hash) {
    return watchers_of(tester, client_hash) >= TESTER_WATCHERS_PER_CLIENT_MAX &&
           living_watchers_of(tester, client_hash) >= TESTER_WATCHERS_PER_CLIENT_MAX;
}

static enum tester_status watch(struct tester *tester, struct test *test, struct span client, uint64_t after,
                                const struct tester_writer *writer, struct event_stream *stream) {
    char storage[48];
    uint64_t client_hash = keyed_hash(keyed_hash_process_key(), client_quota_key(client, storage));
    if (test == NULL) return TESTER_UNKNOWN;
    if (tester->is_stopping || tester->watcher_count >= TESTER_WATCHERS_MAX) return TESTER_TOO_MANY;
    if (client.len > 0 && has_too_many(tester, client_hash)) return TESTER_TOO_MANY;
    struct watcher *watcher = calloc(1, sizeof *watcher);
    if (watcher == NULL) return TESTER_NO_MEMORY;
    if (!test_replay(test, after, writer, stream)) return free(watcher), TESTER_OK;
    *watcher = (struct watcher){.test = test, .stream = event_stream_acquire(stream), .writer = writer, .client_hash = client_hash,
                                .written_us = clock_monotonic_us(tester->setup.clock)};
    list_append(&test->watchers, &watcher->node);
    tester->watcher_count++;
    metrics_move(tester->counters, METRIC_TESTER_SUBSCRIBERS, 1);
    return TESTER_OK;
}

enum tester_status tester_watch(struct tester *tester, struct span token, struct tester_client client, uint64_t after,
                                const struct tester_writer *writer, struct event_stream *stream) {
    pthread_mutex_lock(&tester->lock);
    enum tester_status status = watch(tester, find(tester, token), client.address, after, writer, stream);
    pthread_mutex_unlock(&tester->lock);
    return status;
}
