/* http/stats_view.h -- what the statistics say at one moment, as the JSON API, the pages and the dashboards read it: the
 * signing domains with the most failures or signatures within a window of time, or one domain with all that is known.
 * A view is a copy: nothing in it changes, it belongs to the caller and lives until its release; the spans in it too.
 * In every view the rows and `untracked` together are exactly `total`, result by result.
 * Times are seconds since 1970. A window ends now and begins at a whole minute (1 h) or hour (24 h, 7 d).
 * Thread rule: any thread; takes domain_stats' lock for 1 to 5 ms, during which mail goes on (domain_stats.h).
 * Cost: 1 to 5 ms for 8,192 domains, their names are copied. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"
#include "http/domain_stats.h"
#include "http/stats_watch.h"
#include "verifier/digest.h"
#include "verifier/result.h"

struct arena;

/* id, word in addresses and JSON, seconds of a point, number of points */
#define STATS_WINDOWS(X)                                                                                               \
    X(STATS_1H, "1h", 60, 60)                                                                                          \
    X(STATS_24H, "24h", 3600, 24)                                                                                      \
    X(STATS_7D, "7d", 3600, 168)
#define X(id, word, step_s, points) id,
enum stats_window { STATS_WINDOWS(X) STATS_WINDOW_COUNT };
#undef X
enum { STATS_POINTS_MAX = 168 };
const char *stats_window_word(enum stats_window window);
bool stats_window_parse(struct span word, enum stats_window *window); /* false: no such window, *window is as it was */

#define STATS_SORTS(X) X(STATS_BY_MESSAGES, "messages") X(STATS_BY_FAILURES, "fail")
#define X(id, word) id,
enum stats_sort { STATS_SORTS(X) STATS_SORT_COUNT };
#undef X
const char *stats_sort_word(enum stats_sort sort);
bool stats_sort_parse(struct span word, enum stats_sort *sort);

struct stats_point { /* one minute or hour */
    int64_t start_s;
    uint64_t count[DOMAIN_RESULT_COUNT];
};

struct stats_row {
    struct span domain; /* lower-case A-labels */
    uint64_t count[DOMAIN_RESULT_COUNT]; /* within the window */
    int64_t first_seen_s, last_seen_s;   /* since it is tracked; restarts that the history survived included */
    enum dnssec_state dnssec;            /* of the newest key lookup */
    bool has_dnssec;
    enum cause cause;                    /* the most frequent one since first_seen_s; CAUSE_NONE: all signatures pass */
    unsigned selectors;                  /* distinct keys on record, at most STATS_SELECTORS_MAX */
    struct span selector;                /* of the key used last; empty: no key on record */
    struct span selector_before;         /* the other selector used last; empty: there is none */
    unsigned watch;                      /* bits, 1 << enum stats_watch */
};

struct stats_view {
    enum stats_window window;
    enum stats_sort sort;
    int64_t from_s, now_s;
    size_t row_count;                /* domains with at least one signature within the window */
    struct stats_row *rows;          /* all of them, sorted */
    uint64_t total[DOMAIN_RESULT_COUNT];
    uint64_t untracked[DOMAIN_RESULT_COUNT]; /* of domains without a row: no key found, or too little mail */
    uint64_t cause[CAUSE_COUNT];     /* of all signatures that did not pass, within the window */
    uint64_t dnssec[DNSSEC_STATE_COUNT]; /* of all signatures with a key lookup, within the window */
    size_t point_count;              /* the window's minutes or hours, oldest first; the last one is not over */
    struct stats_point points[STATS_POINTS_MAX];
    size_t tracked;                  /* domains in the table */
    uint64_t evicted;                /* times a domain lost its place to a busier one, since the start */
    struct arena *names;             /* the view's own */
};

/* False: no memory, *view is empty. */
bool stats_view_take(struct domain_stats *stats, enum stats_window window, enum stats_sort sort, struct stats_view *view);
void stats_view_release(struct stats_view *view); /* accepts an empty one */

/* Pages of a view. A cursor names the last row of the page before, so that it holds in a later view as well: the next page
 * begins with the first row that sorts behind it. */
enum { STATS_CURSOR_MAX = 20 + 1 + 20 + 1 + 253 }; /* octets; letters, digits, dot, hyphen, underscore and ~ only */
/* The index of the first row behind cursor; 0 for an empty cursor. False: it is no cursor of ours. */
bool stats_view_seek(const struct stats_view *view, struct span cursor, size_t *index);
/* The cursor of the page that ends with rows[index]; its length. */
size_t stats_view_cursor(const struct stats_view *view, size_t index, char out[STATS_CURSOR_MAX]);

enum { STATS_SELECTORS_MAX = 8, STATS_SELECTOR_OCTETS_MAX = 63 };

struct stats_selector { /* one key at one selector */
    struct span selector;
    bool has_fingerprint;              /* false: p= is empty or unreadable */
    uint8_t fingerprint[DIGEST_OCTETS]; /* SHA-256 of p= as sceau key prints it: of the SubjectPublicKeyInfo for RSA */
    enum key_algorithm algorithm;
    unsigned bits;                     /* 0: not readable */
    bool testing, revoked;             /* t=y; p= empty; by the newest lookup */
    bool is_old;                       /* it is the one STATS_WATCH_OLD_SELECTOR speaks of */
    bool is_changed;                   /* the key at this selector is not its first one */
    enum dnssec_state dnssec;          /* of the newest lookup */
    int64_t first_seen_s, last_seen_s;
    uint64_t count[DOMAIN_RESULT_COUNT]; /* since first seen */
};

struct stats_domain {
    struct span domain;
    enum stats_window window;            /* of the points */
    int64_t now_s, first_seen_s, last_seen_s;
    uint64_t count[STATS_WINDOW_COUNT][DOMAIN_RESULT_COUNT];
    uint64_t cause[CAUSE_COUNT];         /* since first_seen_s, of signatures that did not pass */
    uint64_t dnssec[DNSSEC_STATE_COUNT]; /* since first_seen_s */
    size_t point_count;
    struct stats_point points[STATS_POINTS_MAX];
    size_t selector_count;               /* newest use first; names over STATS_SELECTOR_OCTETS_MAX have no entry */
    struct stats_selector selectors[STATS_SELECTORS_MAX];
    unsigned watch;                      /* of keys that signed within the window */
    uint64_t failures_through;           /* all failures in this process came through one client while others brought
                                            signatures that pass: how many; else 0 */
    uint8_t through[16];                 /* its address; IPv4 as v4-mapped */
    struct arena *names;                 /* the view's own */
};

enum stats_found { STATS_FOUND, STATS_NOT_TRACKED, STATS_NO_MEMORY };
/* domain in any case and form. Anything but STATS_FOUND: *out is empty. */
enum stats_found stats_domain_take(struct domain_stats *stats, struct span domain, enum stats_window window,
                                   struct stats_domain *out);
void stats_domain_release(struct stats_domain *domain); /* accepts an empty one */

/* The least that can be asked of a domain, for every message: since when it is tracked, and its signatures of the last 24
 * hours. domain: lower-case A-labels. False: not tracked. Cost: the lock, and a sum over a day's hours; no allocation. */
bool stats_domain_glance(struct domain_stats *stats, struct span domain, int64_t *first_seen_s, uint64_t *day);
