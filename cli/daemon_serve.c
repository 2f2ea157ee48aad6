#include "cli/daemon_serve.h"
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/named_counts.h"
#include "base/options.h"
#include "cli/daemon_config.h"
#include "cli/daemon_http.h"
#include "cli/daemon_notify.h"
#include "cli/daemon_privileges.h"
#include "cli/daemon_sockets.h"
#include "cli/daemon_tester.h"
#include "http/domain_stats.h"
#include "http/stats_history.h"
#include "proxy/event_log.h"
#include "proxy/proxy.h"
#include "verifier/dns_unbound.h"
#include "verifier/public_key.h"

enum { RULE_ROWS_MAX = 1000 }; /* rules with series of their own in /metrics */

struct daemon {
    const char *path;
    struct options *options; /* in use */
    struct metrics *metrics;
    struct metrics_worker *worker; /* the main thread's */
    struct domain_stats *domains;
    struct daemon_identity identity;
    struct daemon_sockets sockets;
    struct stats_history *history; /* NULL: switched off */
    struct event_log *events;      /* NULL: none */
    struct named_counts *rule_counts;
    struct daemon_tester *tester;  /* NULL: switched off */
    struct proxy *proxy;
    struct daemon_http *http;
};

/* Says error, which is freed, and returns status. */
static enum daemon_exit fail(char *error, enum daemon_exit status) {
    fprintf(stderr, "sceaud: %s\n", error != NULL ? error : "out of memory");
    free(error);
    return status;
}

static void warn_of_expiry(const struct daemon *daemon) {
    char *error;
    if (!daemon_config_is_valid(daemon->path, daemon->options, &error))
        log_fault("tls", error != NULL ? error : "out of memory");
    free(error);
}

/* An update that ends mail for want of a line would be worse than root. */
static void warn_of_root(const struct daemon *daemon) {
    if (daemon->identity.is_root_unasked)
        log_fault("root", "serves as root: user = \"sceau\" says whom to become, user = \"root\" that it is meant");
}

/* Once, before there are threads: a reload leaves it alone. */
static void configure_log(const struct options *options) {
    bool json = strcmp(options->log_format, "json") == 0;
    log_configure(2, json ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, (unsigned)options->log_lines_per_s);
}

/* A session takes two descriptors or three, so the soft limit of 1,024 would be the first to give way. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- reload ---- */

static void log_reload(const struct daemon *daemon, const char *error) {
    struct log_line line;
    log_begin(&line, error == NULL ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "reload");
    log_text(&line, "file", daemon->path);
    log_text(&line, "result", error == NULL ? "in use" : "the configuration before stays in use");
    log_text(&line, "error", error);
    log_end(&line);
}

static void count_reload(struct daemon *daemon, bool success) {
    metrics_count(daemon->worker, METRIC_CONFIG_RELOADS, success ? METRIC_RELOAD_SUCCESS : METRIC_RELOAD_ERROR, 0);
    if (success) metrics_set(daemon->metrics, METRIC_CONFIG_LAST_RELOAD, clock_unix_s(&clock_system));
}

static void reload(struct daemon *daemon) {
    char *error = NULL;
    daemon_notify_reloading();
    event_log_reopen(daemon->events);
    struct options *options = daemon_config_read(daemon->path, &error);
    bool success = options != NULL && daemon_config_is_valid(daemon->path, options, &error) &&
                   daemon_http_reload(daemon->http, options, &error) && proxy_reload(daemon->proxy, options, &error);
    if (success) {
        options_release(daemon->options);
        daemon->options = options;
    } else {
        options_release(options);
    }
    count_reload(daemon, success);
    log_reload(daemon, success ? NULL : error != NULL ? error : "out of memory");
    daemon_notify_ready(success ? "serving" : "serving with the configuration before: the last reload failed");
    free(error);
}

/* ---- signals ---- */

static sigset_t signals_of_ours(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

/* Before any thread is made: they inherit it. A peer that is gone, or a file at its limit, is an error of write(2), not a
 * signal. */
static void block_signals(void) {
    const sigset_t set = signals_of_ours();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* From now on the first signal ends the process as it would have without us. */
static void unblock_signals(void) {
    const sigset_t set = signals_of_ours();
    signal(SIGHUP, SIG_IGN);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void follow_signals(struct daemon *daemon) {
    const sigset_t set = signals_of_ours();
    for (;;) {
        int number = sigwaitinfo(&set, NULL);
        if (number == SIGHUP)
            reload(daemon);
        else if (number == SIGTERM || number == SIGINT)
            return;
    }
}

/* ---- life ---- */

/* For /readyz, from the HTTP server's thread. */
static bool is_ready(void *owner, struct bytes *why) {
    if (proxy_ready(owner)) return true;
    bytes_append_text(why, "not serving yet, or serving no more: messages in flight may finish");
    return false;
}

/* As whom we run in the end, and what was opened for us: nothing of our own is open yet. */
static enum daemon_exit find_surroundings(struct daemon *daemon) {
    char *error = NULL;
    if (!daemon_identity_find(daemon->path, daemon->options, &daemon->identity, &error)) return fail(error, DAEMON_CONFIG);
    if (!daemon_sockets_take(daemon->options, &daemon->sockets, &error)) return fail(error, DAEMON_CONFIG);
    return DAEMON_OK;
}

static bool open_statistics(struct daemon *daemon) {
    const struct options *options = daemon->options;
    for (size_t i = 0; i < options->http_domains_always.count; i++)
        if (!domain_stats_always_export(daemon->domains, span_of(options->http_domains_always.item[i]))) return false;
    if (options->http_history[0] == '\0') return true;
    const struct stats_history_setup setup = {.path = options->http_history,
                                              .stats = daemon->domains,
                                              .metrics = daemon->metrics,
                                              .interval_ms = options->history_interval_ms,
                                              .retention_ms = options->history_retention_ms};
    daemon->history = stats_history_create(&setup);
    return daemon->history != NULL;
}

static enum daemon_exit open_all(struct daemon *daemon) {
    char *error = NULL;
    const struct options *options = daemon->options;
    daemon->metrics = metrics_create();
    daemon->worker = metrics_worker_create(daemon->metrics);
    daemon->domains = domain_stats_create((unsigned)options->stats_domains_exported, &clock_system);
    daemon->rule_counts = named_counts_create(RULE_ROWS_MAX);
    if (daemon->worker == NULL || daemon->domains == NULL || daemon->rule_counts == NULL) return fail(NULL, DAEMON_NO_RESOURCES);
    const struct proxy_setup setup = {
        .options = daemon->options,
        .metrics = daemon->metrics,
        .domains = daemon->domains,
        .rule_counts = daemon->rule_counts,
        .owner = daemon->identity.user,
        .group = daemon->identity.group,
        .given = daemon->sockets.listener,
    };
    daemon->proxy = proxy_create(&setup, &error);
    if (daemon->proxy == NULL) return fail(error, DAEMON_UNAVAILABLE);
    daemon->http = daemon_http_open(options, daemon->sockets.http, &error);
    daemon_sockets_release(options, &daemon->sockets);
    return daemon->http != NULL ? DAEMON_OK : fail(error, DAEMON_UNAVAILABLE);
}

/* Files of the user's own, and threads: root must be gone. */
static enum daemon_exit start_all(struct daemon *daemon) {
    char *error = NULL;
    const struct options *options = daemon->options;
    if (!open_statistics(daemon)) return fail(NULL, DAEMON_NO_RESOURCES);
    if (options->log_events[0] != '\0') {
        daemon->events = event_log_create(options->log_events, (size_t)options->events_buffer_max, daemon->metrics);
        if (daemon->events == NULL) return fail(NULL, DAEMON_NO_RESOURCES);
    }
    if (options->tester_enabled != 0) {
        daemon->tester = daemon_tester_open(options, daemon->metrics, daemon->domains);
        if (daemon->tester == NULL) return fail(NULL, DAEMON_NO_RESOURCES);
        daemon_tester_serve(daemon->tester, daemon->proxy);
    }
    const struct http_sources sources = {
        .metrics = daemon->metrics,
        .domains = daemon->domains,
        .rule_counts = daemon->rule_counts,
        .tester = daemon_tester_desk(daemon->tester),
        .build = {.version = SCEAU_VERSION, .revision = SCEAU_REVISION, .openssl = public_key_library(),
                  .unbound = dns_unbound_library()},
        .ready = is_ready,
        .owner = daemon->proxy,
    };
    return daemon_http_start(daemon->http, &sources, &error) ? DAEMON_OK : fail(error, DAEMON_UNAVAILABLE);
}

static void log_life(const char *event, const struct daemon *daemon) {
    struct log_line line;
    log_begin(&line, LOG_LEVEL_INFO, event);
    log_text(&line, "version", SCEAU_VERSION);
    log_text(&line, "authserv_id", daemon->options->authserv_id);
    log_uint(&line, "listeners", daemon->options->listener_count);
    log_uint(&line, "uid", geteuid());
    log_end(&line);
}

static enum daemon_exit serve(struct daemon *daemon) {
    char *error = NULL;
    if (!proxy_start(daemon->proxy, daemon->events, &error)) return fail(error, DAEMON_NO_RESOURCES);
    if (!daemon_tester_start(daemon->tester)) return fail(strdup("cannot start the tester's thread"), DAEMON_NO_RESOURCES);
    metrics_set(daemon->metrics, METRIC_CONFIG_LAST_RELOAD, clock_unix_s(&clock_system));
    log_life("start", daemon);
    daemon_notify_ready("serving");
    follow_signals(daemon);
    daemon_notify_stopping();
    log_life("drain", daemon);
    unblock_signals();
    proxy_drain(daemon->proxy);
    proxy_wait(daemon->proxy);
    log_life("stop", daemon);
    return DAEMON_OK;
}

static void close_all(struct daemon *daemon) {
    daemon_sockets_release(daemon->options, &daemon->sockets);
    daemon_http_close(daemon->http);
    proxy_destroy(daemon->proxy);
    daemon_tester_close(daemon->tester);
    event_log_destroy(daemon->events);
    stats_history_destroy(daemon->history);
    named_counts_destroy(daemon->rule_counts);
    domain_stats_destroy(daemon->domains);
    metrics_destroy(daemon->metrics);
    options_release(daemon->options);
}

enum daemon_exit daemon_serve(const char *path) {
    struct daemon daemon = {.path = path};
    char *error = NULL;
    daemon.options = daemon_config_read(path, &error);
    if (daemon.options == NULL) return fail(error, DAEMON_CONFIG);
    configure_log(daemon.options);
    warn_of_expiry(&daemon);
    block_signals();
    raise_descriptor_limit();
    daemon_privileges_harden();
    enum daemon_exit status = find_surroundings(&daemon);
    if (status == DAEMON_OK) status = open_all(&daemon);
    if (status == DAEMON_OK && !daemon_identity_take(&daemon.identity, &error)) status = fail(error, DAEMON_UNAVAILABLE);
    if (status == DAEMON_OK) warn_of_root(&daemon);
    if (status == DAEMON_OK) status = start_all(&daemon);
    if (status == DAEMON_OK) status = serve(&daemon);
    close_all(&daemon);
    return status;
}
