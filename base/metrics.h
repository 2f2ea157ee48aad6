/* base/metrics.h -- the filter's counters, gauges and histograms: counted per thread, summed when read.
 * Families are the rows of metrics.def. Each thread that counts has a worker of its own: counting is a plain addition in
 * memory no other thread writes (about 1 ns, no lock, no shared cache line). Readers walk families and series by number
 * and need to know none of them; a sum read while threads count may miss their newest events, never invent one.
 * Thread rule: a worker belongs to one thread; everything else from any thread.
 * Label values outside a family's list are a broken promise: nothing from outside is ever a label here. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The closed lists of label values. Those that repeat an enum of the verifier stand in its order (a test compares), so
 * that its value is the label's. */
#define METRIC_VALUES_VERDICT(X) X(VERDICT_ACCEPT, "accept") X(VERDICT_REJECT, "reject") X(VERDICT_TEMPFAIL, "tempfail") \
    X(VERDICT_DISCARD, "discard")
#define METRIC_VALUES_METHOD(X) X(METHOD_DKIM, "dkim") X(METHOD_SPF, "spf") X(METHOD_DMARC, "dmarc") X(METHOD_ARC, "arc") \
    X(METHOD_IPREV, "iprev")
#define METRIC_VALUES_AUTH_RESULT(X) /* enum auth_result */                                                            \
    X(AUTH_RESULT_NONE, "none") X(AUTH_RESULT_PASS, "pass") X(AUTH_RESULT_FAIL, "fail")                                \
    X(AUTH_RESULT_POLICY, "policy") X(AUTH_RESULT_NEUTRAL, "neutral")                                                  \
    X(AUTH_RESULT_TEMPERROR, "temperror") X(AUTH_RESULT_PERMERROR, "permerror") \
    X(AUTH_RESULT_SOFTFAIL, "softfail")
#define METRIC_VALUES_SIGNATURE_RESULT(X) /* enum auth_result less one: a signature's result is never none */          \
    X(SIGNATURE_PASS, "pass") X(SIGNATURE_FAIL, "fail") X(SIGNATURE_POLICY, "policy")                                  \
    X(SIGNATURE_NEUTRAL, "neutral") X(SIGNATURE_TEMPERROR, "temperror") X(SIGNATURE_PERMERROR, "permerror")
#define METRIC_VALUES_KEY_CLASS(X) /* other: no key was read, or one of unknown kind */                                \
    X(KEY_CLASS_RSA_BELOW_2048, "rsa-below-2048") X(KEY_CLASS_RSA_2048, "rsa-2048")                                    \
    X(KEY_CLASS_RSA_ABOVE_2048, "rsa-above-2048") X(KEY_CLASS_ED25519, "ed25519") X(KEY_CLASS_OTHER, "other")
#define METRIC_VALUES_CAUSE(X) /* enum cause */                                                                        \
    X(CAUSE_BODY_APPENDED, "body_appended") X(CAUSE_BODY_PREPENDED, "body_prepended")                                  \
    X(CAUSE_BODY_REENCODED, "body_reencoded") X(CAUSE_BODY_LINE_ENDINGS, "body_line_endings")                          \
    X(CAUSE_BODY_TRUNCATED, "body_truncated") X(CAUSE_BODY_OTHER, "body_other")                                        \
    X(CAUSE_HEADER_SUBJECT, "header_subject") X(CAUSE_HEADER_FROM, "header_from")                                      \
    X(CAUSE_HEADER_ADDED, "header_added") X(CAUSE_HEADER_OTHER, "header_other")                                        \
    X(CAUSE_KEY_MISSING, "key_missing") X(CAUSE_KEY_REVOKED, "key_revoked") X(CAUSE_KEY_SYNTAX, "key_syntax")          \
    X(CAUSE_KEY_MISMATCH, "key_mismatch") X(CAUSE_KEY_TOO_SMALL, "key_too_small")                                      \
    X(CAUSE_KEY_SERVICE, "key_service") X(CAUSE_KEY_HASH, "key_hash")                                                  \
    X(CAUSE_SIG_SYNTAX, "sig_syntax") X(CAUSE_SIG_EXPIRED, "sig_expired") X(CAUSE_SIG_FUTURE, "sig_future")            \
    X(CAUSE_SIG_IDENTITY, "sig_identity") X(CAUSE_SIG_SHA1, "sig_sha1")                                                \
    X(CAUSE_DNS_TIMEOUT, "dns_timeout") X(CAUSE_DNS_SERVFAIL, "dns_servfail") X(CAUSE_DNS_BOGUS, "dns_bogus")          \
    X(CAUSE_LIMIT, "limit")
#define METRIC_VALUES_STAGE(X)                                                                                         \
    X(STAGE_HEADER, "header") X(STAGE_BODY, "body") X(STAGE_KEYS, "keys") X(STAGE_VERIFY, "verify")                    \
    X(STAGE_DELIVER, "deliver")
#define METRIC_VALUES_DNS_OUTCOME(X) /* enum dns_status */                                                             \
    X(DNS_OUTCOME_FOUND, "found") X(DNS_OUTCOME_NXDOMAIN, "nxdomain") X(DNS_OUTCOME_NODATA, "nodata")                  \
    X(DNS_OUTCOME_SERVFAIL, "servfail") X(DNS_OUTCOME_TIMEOUT, "timeout") X(DNS_OUTCOME_BOGUS, "bogus")
#define METRIC_VALUES_DNSSEC_STATE(X) /* enum dnssec_state */                                                          \
    X(DNSSEC_STATE_INDETERMINATE, "indeterminate") X(DNSSEC_STATE_INSECURE, "insecure")                                \
    X(DNSSEC_STATE_SECURE, "secure") X(DNSSEC_STATE_BOGUS, "bogus")
#define METRIC_VALUES_CACHE_RESULT(X) /* negative: a hit that says there is no key, or that DNS failed just before */    \
    X(CACHE_HIT, "hit") X(CACHE_MISS, "miss") X(CACHE_NEGATIVE, "negative") X(CACHE_STALE, "stale")
#define METRIC_VALUES_REJECT_REASON(X)                                                                                 \
    X(REJECT_LIMIT, "limit") X(REJECT_ADDRESS, "address") X(REJECT_PROXY_HEADER, "proxy_header")                       \
    X(REJECT_DRAINING, "draining") X(REJECT_RESOURCES, "resources")
#define METRIC_VALUES_INPUT_ERROR(X)                                                                                   \
    X(INPUT_COMMAND, "command") X(INPUT_LINE_LENGTH, "line_length") X(INPUT_LINE_ENDS, "line_ends")                    \
    X(INPUT_HEADER_LIMIT, "header_limit") X(INPUT_SIZE, "size") X(INPUT_TIMEOUT, "timeout")
#define METRIC_VALUES_HTTP_PATH(X)                                                                                     \
    X(HTTP_PATH_METRICS, "metrics") X(HTTP_PATH_HEALTHZ, "healthz") X(HTTP_PATH_READYZ, "readyz")                      \
    X(HTTP_PATH_API, "api") X(HTTP_PATH_PAGE, "page") X(HTTP_PATH_OTHER, "other")
#define METRIC_VALUES_HTTP_CODE(X)                                                                                     \
    X(HTTP_CODE_200, "200") X(HTTP_CODE_400, "400") X(HTTP_CODE_401, "401") X(HTTP_CODE_404, "404")                    \
    X(HTTP_CODE_405, "405") X(HTTP_CODE_429, "429") X(HTTP_CODE_503, "503") X(HTTP_CODE_OTHER, "other")
#define METRIC_VALUES_FAULT_KIND(X)                                                                                    \
    X(FAULT_SPOOL, "spool") X(FAULT_MEMORY, "memory") X(FAULT_MAILDIR, "maildir") X(FAULT_ACCEPT, "accept")
#define METRIC_VALUES_EVENT_RESULT(X) X(EVENT_WRITTEN, "written") X(EVENT_DROPPED, "dropped")
#define METRIC_VALUES_SEAL_RESULT(X) /* enum message_seal less one */                                                   \
    X(SEAL_ADDED, "added") X(SEAL_ALREADY_FAILED, "already_failed") X(SEAL_FULL, "full")                               \
    X(SEAL_UNDECIDED, "undecided") X(SEAL_ERROR, "error")
#define METRIC_VALUES_MESSAGE_FAULT(X) /* enum message_fault less one */                                               \
    X(FAULT_MESSAGE_TOO_LARGE, "message_too_large") X(FAULT_HEADER_TOO_LARGE, "header_too_large")                      \
    X(FAULT_FIELD_TOO_LARGE, "field_too_large") X(FAULT_TOO_MANY_FIELDS, "too_many_fields")                            \
    X(FAULT_BARE_CR, "bare_cr") X(FAULT_BARE_LF, "bare_lf") X(FAULT_NUL, "nul")                                        \
    X(FAULT_SPOOL_FULL, "spool_full") X(FAULT_NO_MEMORY, "no_memory") X(FAULT_SPOOL_BROKEN, "spool_broken")
#define METRIC_VALUES_DOWNSTREAM_ORIGIN(X) X(DOWNSTREAM_NEW, "new") X(DOWNSTREAM_REUSED, "reused")
#define METRIC_VALUES_DOWNSTREAM_FAULT(X) /* enum downstream_fault */                                                  \
    X(DOWNSTREAM_FAULT_REFUSED, "refused") X(DOWNSTREAM_FAULT_SILENT, "silent")                                        \
    X(DOWNSTREAM_FAULT_UNWILLING, "unwilling") X(DOWNSTREAM_FAULT_TLS, "tls") X(DOWNSTREAM_FAULT_LOST, "lost")         \
    X(DOWNSTREAM_FAULT_STALE, "stale") X(DOWNSTREAM_FAULT_TIMEOUT, "timeout")                                          \
    X(DOWNSTREAM_FAULT_MALFORMED, "malformed") X(DOWNSTREAM_FAULT_SPOOL, "spool")                                      \
    X(DOWNSTREAM_FAULT_NO_MEMORY, "no_memory")
#define METRIC_VALUES_DOWNSTREAM_STEP(X)                                                                               \
    X(DOWNSTREAM_STEP_CONNECT, "connect") X(DOWNSTREAM_STEP_MAIL, "mail") X(DOWNSTREAM_STEP_RCPT, "rcpt")              \
    X(DOWNSTREAM_STEP_MESSAGE, "message")
#define METRIC_VALUES_TESTER_SOURCE(X) /* enum tester_source */                                                          \
    X(TESTER_SOURCE_MAIL, "mail") X(TESTER_SOURCE_PASTE, "paste") X(TESTER_SOURCE_UPLOAD, "upload")                    \
    X(TESTER_SOURCE_API, "api") X(TESTER_SOURCE_DOMAIN, "domain")
#define METRIC_VALUES_RELOAD_RESULT(X) X(RELOAD_SUCCESS, "success") X(RELOAD_ERROR, "error")

/* The labels: id, name. The values are METRIC_VALUES_id. */
#define METRIC_LABELS(L)                                                                                               \
    L(VERDICT, "verdict")                                                                                              \
    L(METHOD, "method")                                                                                                \
    L(AUTH_RESULT, "result")                                                                                           \
    L(SIGNATURE_RESULT, "result")                                                                                      \
    L(KEY_CLASS, "key")                                                                                                \
    L(CAUSE, "cause")                                                                                                  \
    L(STAGE, "stage")                                                                                                  \
    L(DNS_OUTCOME, "outcome")                                                                                          \
    L(DNSSEC_STATE, "state")                                                                                           \
    L(SEAL_RESULT, "result")                                                                                           \
    L(MESSAGE_FAULT, "fault")                                                                                          \
    L(DOWNSTREAM_ORIGIN, "origin")                                                                                     \
    L(DOWNSTREAM_FAULT, "fault")                                                                                       \
    L(DOWNSTREAM_STEP, "step")                                                                                         \
    L(CACHE_RESULT, "result")                                                                                          \
    L(REJECT_REASON, "reason")                                                                                         \
    L(INPUT_ERROR, "kind")                                                                                             \
    L(HTTP_PATH, "path")                                                                                               \
    L(HTTP_CODE, "code")                                                                                               \
    L(TESTER_SOURCE, "source")                                                                                         \
    L(RELOAD_RESULT, "result")                                                                                         \
    L(FAULT_KIND, "kind")                                                                                              \
    L(EVENT_RESULT, "result")

/* METRIC_VERDICT_ACCEPT ..., and METRIC_VERDICT_COUNT, how many there are. */
#define X(id, word) METRIC_##id,
#define L(id, name) enum { METRIC_VALUES_##id(X) METRIC_##id##_COUNT };
METRIC_LABELS(L)
#undef L
#undef X

#define COUNTER(id, name, unit, help, first, second) METRIC_##id,
#define GAUGE(id, name, unit, help) METRIC_##id,
#define HISTOGRAM(id, name, unit, per_unit, help, label, ...) METRIC_##id,
enum metric {
#include "base/metrics.def"
    METRIC_COUNT
};
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM

struct metrics;        /* one process's, or one test's */
struct metrics_worker; /* one thread's share */

struct metrics *metrics_create(void); /* NULL: no memory */
/* Accepts NULL; frees the workers as well: their threads must have ended. */
void metrics_destroy(struct metrics *metrics);
/* A worker for the calling thread, owned by metrics; one a thread. NULL: no memory, or metrics is NULL. */
struct metrics_worker *metrics_worker_create(struct metrics *metrics);
/* For a thread that ends before metrics does: what the worker counted stays, and another thread goes on with it. Accepts
 * NULL. */
void metrics_worker_release(struct metrics_worker *worker);

/* One more, or count more, in the series of the two label values (0 where the family has no label). Accept a NULL worker
 * and then count nothing. */
void metrics_count(struct metrics_worker *worker, enum metric counter, unsigned first, unsigned second);
void metrics_add(struct metrics_worker *worker, enum metric counter, unsigned first, unsigned second, uint64_t count);
/* One event of a histogram, in its steps (microseconds, octets). */
void metrics_observe(struct metrics_worker *worker, enum metric histogram, unsigned first, uint64_t value);
/* A gauge is either moved by workers (its value is the sum of their moves) or set as a whole, by any thread. */
void metrics_move(struct metrics_worker *worker, enum metric gauge, int64_t by);
void metrics_set(struct metrics *metrics, enum metric gauge, int64_t value); /* accepts NULL */

/* For those who read. */
enum metric_type { METRIC_TYPE_COUNTER, METRIC_TYPE_GAUGE, METRIC_TYPE_HISTOGRAM };
struct metric_label { const char *name; unsigned value_count; const char *const *values; };
enum { METRIC_BOUNDS_MAX = 16 };

struct metric_family {
    enum metric_type type;
    const char *name, *unit, *help;       /* unit: "" when it is a mere number */
    const struct metric_label *label[2];  /* never NULL; one that does not exist has no name and one value */
    size_t bound_count;                   /* of a histogram: upper bounds, ascending, without +Inf */
    const uint64_t *bounds;               /* in steps */
    uint64_t per_unit;                    /* steps a unit */
};
const struct metric_family *metrics_family(enum metric metric);

uint64_t metrics_counter(const struct metrics *metrics, enum metric counter, unsigned first, unsigned second);
int64_t metrics_gauge(const struct metrics *metrics, enum metric gauge);

struct metric_histogram { uint64_t buckets[METRIC_BOUNDS_MAX + 1], count, sum; }; /* each bucket by itself; sum in steps */
struct metric_histogram metrics_histogram(const struct metrics *metrics, enum metric histogram, unsigned first);
