/* http/stats_table.h -- what is counted of signing domains: one table for all workers, in memory that does not grow.
 * A domain enters when a signature of it comes whose key was found in DNS, and has counts by minute and hour, by cause and
 * DNSSEC state, and its keys (stats_keys). When the table is full the lightest domain makes room (space_saving). What
 * every signature brings is counted once more for all domains together, so that what has no place is the difference.
 * Time is the wall clock's. A clock that is set back by more than a week makes all windows begin anew; by less, signatures
 * of minutes that the ring no longer has are counted in their hour only.
 * No I/O, clock or lock of its own: domain_stats keeps the lock. Memory: about 29 MiB when every slot, key and name is as
 * large as can be; pages of slots that were never used cost nothing. Cost of one signature: bench/bench_stats. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "http/domain_result.h"
#include "http/stats_keys.h"
#include "http/stats_ring.h"

enum {
    STATS_TABLE_SLOTS = 8192,
    STATS_TABLE_KEYS = 2 * STATS_TABLE_SLOTS,
    STATS_MINUTES = 60,
    STATS_HOURS = 7 * 24,
    /* Columns of the rings for all domains: results, causes, DNSSEC states. */
    STATS_COLUMN_CAUSE = DOMAIN_RESULT_COUNT,
    STATS_COLUMN_DNSSEC = STATS_COLUMN_CAUSE + CAUSE_COUNT,
    STATS_COLUMNS = STATS_COLUMN_DNSSEC + DNSSEC_STATE_COUNT,
    STATS_CLIENT_OCTETS = 16,
    STATS_NO_TIME = 0, /* unsaved_minute: nothing to save */
};

/* The shapes of the rings: of one domain, of all domains together. */
extern const struct stats_shape stats_domain_minutes, stats_domain_hours, stats_all_minutes, stats_all_hours;

/* One signature, as it was judged. */
struct stats_event {
    int64_t time_s;
    enum domain_result result;
    enum cause cause;
    bool has_dnssec; /* a key lookup ended */
    enum dnssec_state dnssec;
    bool has_key;    /* a key record was found */
    bool has_fingerprint, testing, revoked;
    enum key_algorithm algorithm;
    uint16_t bits;
    bool has_client;
    uint8_t client[STATS_CLIENT_OCTETS]; /* who handed the message over; IPv4 as v4-mapped */
    struct span domain;   /* lower-case A-labels with a dot in them; empty: no legal name */
    struct span selector; /* lower case; empty: not to be recorded */
    uint8_t fingerprint[DIGEST_OCTETS];
};

/* What /metrics is made of, dense, since it is walked for each scrape. */
struct stats_tally {
    uint64_t count[DOMAIN_RESULT_COUNT]; /* since it entered, in this process */
    uint64_t noted[DOMAIN_RESULT_COUNT]; /* free for domain_export; 0 at entry */
    bool is_exported;                    /* the same; false at entry */
};

struct stats_entry {
    int64_t first_seen_s, last_seen_s;
    struct stats_ring minutes, hours;
    uint32_t keys;           /* list of stats_keys */
    uint32_t unsaved_minute; /* the first minute with counts that the history has not got; STATS_NO_TIME */
    uint8_t dnssec_newest;   /* enum dnssec_state */
    bool has_dnssec, is_used; /* is_used: by some domain, now or before */
    uint32_t cause[CAUSE_COUNT], dnssec[DNSSEC_STATE_COUNT]; /* since first_seen_s */
    /* Failures in this process, of clients that are known: did all come through one, while others brought what passes? */
    uint32_t failures;
    bool through_varies, passes_elsewhere;
    uint8_t through[STATS_CLIENT_OCTETS];
    uint32_t minute_cells[STATS_MINUTES * DOMAIN_RESULT_COUNT], hour_cells[STATS_HOURS * DOMAIN_RESULT_COUNT];
};

struct stats_table {
    struct space_saving *names; /* slot n is tally[n] and entry[n] */
    struct stats_tally *tally;
    struct stats_entry *entry;
    struct stats_keys *keys;
    uint64_t total[DOMAIN_RESULT_COUNT]; /* in this process */
    struct stats_ring minutes, hours;    /* of all domains */
    uint32_t unsaved_minute;
    uint32_t minute_cells[STATS_MINUTES * STATS_COLUMNS], hour_cells[STATS_HOURS * STATS_COLUMNS];
};

struct stats_table *stats_table_create(void); /* NULL: no memory */
void stats_table_destroy(struct stats_table *table); /* accepts NULL */
void stats_table_add(struct stats_table *table, const struct stats_event *event);
/* The slot of domain, which gets one with the weight when it has none; SPACE_SAVING_NONE: there is no place for it. */
uint32_t stats_table_enter(struct stats_table *table, struct span domain, uint64_t weight);
