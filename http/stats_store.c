#include "http/stats_store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include <unistd.h>
#include "base/ascii.h"

enum { ERROR_MAX = 256, BUSY_MS = 1000, SCHEMA_VERSION = 1 };

/* Statements that are used for every row. */
enum put { PUT_COUNT, PUT_DOMAIN, PUT_KEY, PUT_STATEMENTS };
static const char *const put_texts[PUT_STATEMENTS] = {
    [PUT_COUNT] = "INSERT OR REPLACE INTO counts(step_s,start_s,domain,word,n) VALUES(?1,?2,?3,?4,?5)",
    [PUT_DOMAIN] = "INSERT OR REPLACE INTO domains(domain,first_seen_s,last_seen_s,dnssec) VALUES(?1,?2,?3,?4)",
    [PUT_KEY] = ("INSERT OR REPLACE INTO keys(domain,selector,fingerprint,algorithm,bits,testing,revoked,dnssec,"
                 "first_seen_s,last_seen_s,pass,fail,other) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)"),
};
static const char schema[] =
    "BEGIN;"
    "CREATE TABLE counts(step_s INTEGER NOT NULL,start_s INTEGER NOT NULL,domain TEXT NOT NULL,word TEXT NOT NULL,"
    "n INTEGER NOT NULL,PRIMARY KEY(step_s,start_s,domain,word)) WITHOUT ROWID;"
    "CREATE TABLE domains(domain TEXT PRIMARY KEY NOT NULL,first_seen_s INTEGER NOT NULL,last_seen_s INTEGER NOT NULL,"
    "dnssec TEXT) WITHOUT ROWID;"
    "CREATE TABLE keys(domain TEXT NOT NULL,selector TEXT NOT NULL,fingerprint TEXT NOT NULL,algorithm TEXT NOT NULL,"
    "bits INTEGER NOT NULL,testing INTEGER NOT NULL,revoked INTEGER NOT NULL,dnssec TEXT NOT NULL,"
    "first_seen_s INTEGER NOT NULL,last_seen_s INTEGER NOT NULL,pass INTEGER NOT NULL,fail INTEGER NOT NULL,"
    "other INTEGER NOT NULL,PRIMARY KEY(domain,selector,fingerprint)) WITHOUT ROWID;"
    "PRAGMA user_version=1;"
    "COMMIT;";

struct stats_store {
    const char *path;
    sqlite3 *db; /* NULL: closed */
    sqlite3_stmt *put[PUT_STATEMENTS];
    char error[ERROR_MAX];
};

struct stats_store *stats_store_create(const char *path) {
    struct stats_store *store = calloc(1, sizeof *store);
    if (store != NULL) store->path = path;
    return store;
}

void stats_store_close(struct stats_store *store) {
    for (unsigned i = 0; i < PUT_STATEMENTS; i++) {
        (void)sqlite3_finalize(store->put[i]); /* repeats an error that was told before */
        store->put[i] = NULL;
    }
    (void)sqlite3_close_v2(store->db);
    store->db = NULL;
}

void stats_store_destroy(struct stats_store *store) {
    if (store == NULL) return;
    stats_store_close(store);
    free(store);
}

const char *stats_store_error(const struct stats_store *store) { return store->error; }

/* Notes SQLite's words, with the system's where it had one, and returns false. */
static bool fail(struct stats_store *store) {
    int system = store->db != NULL ? sqlite3_system_errno(store->db) : 0;
    int code = store->db != NULL ? sqlite3_extended_errcode(store->db) & 0xff : SQLITE_NOMEM;
    bool says_system = system != 0 && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN || code == SQLITE_FULL);
    snprintf(store->error, sizeof store->error, "%s%s%s",
             store->db != NULL ? sqlite3_errmsg(store->db) : "out of memory", says_system ? ": " : "",
             says_system ? strerror(system) : "");
    return false;
}

static bool run(struct stats_store *store, const char *text) {
    return sqlite3_exec(store->db, text, NULL, NULL, NULL) == SQLITE_OK || fail(store);
}

static sqlite3_stmt *prepare(struct stats_store *store, const char *text) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store->db, text, -1, &statement, NULL) != SQLITE_OK) fail(store);
    return statement;
}

/* SQLite would make it readable for all. */
static bool make_file(struct stats_store *store) {
    int fd = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) return close(fd), true;
    snprintf(store->error, sizeof store->error, "%s", strerror(errno));
    return false;
}

static bool read_version(struct stats_store *store, int *version) {
    sqlite3_stmt *statement = prepare(store, "PRAGMA user_version");
    bool ok = statement != NULL && (sqlite3_step(statement) == SQLITE_ROW || fail(store));
    if (ok) *version = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    return ok;
}

static bool set_up(struct stats_store *store) {
    int version;
    (void)sqlite3_busy_timeout(store->db, BUSY_MS);
    if (!read_version(store, &version) || !run(store, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"))
        return false;
    if (version == 0 && !run(store, schema)) return false;
    if (version != 0 && version != SCHEMA_VERSION) {
        snprintf(store->error, sizeof store->error, "it is of version %d, this program knows %d", version,
                 SCHEMA_VERSION);
        return false;
    }
    for (unsigned i = 0; i < PUT_STATEMENTS; i++)
        if ((store->put[i] = prepare(store, put_texts[i])) == NULL) return false;
    return true;
}

bool stats_store_open(struct stats_store *store) {
    if (store->db != NULL) return true;
    if (!make_file(store)) return false;
    int status = sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if ((status == SQLITE_OK || fail(store)) && set_up(store)) return true;
    stats_store_close(store);
    return false;
}

/* --- Writing. --- */

bool stats_store_begin(struct stats_store *store) { return run(store, "BEGIN IMMEDIATE"); }
bool stats_store_commit(struct stats_store *store) { return run(store, "COMMIT"); }

/* A failed binding shows as NULL in a column that takes none. */
static void bind_text(sqlite3_stmt *statement, int place, struct span text) {
    (void)sqlite3_bind_text(statement, place, text.ptr != NULL ? text.ptr : "", (int)text.len, SQLITE_STATIC);
}

static bool step(struct stats_store *store, sqlite3_stmt *statement) {
    bool ok = sqlite3_step(statement) == SQLITE_DONE || fail(store);
    (void)sqlite3_reset(statement); /* repeats the error */
    return ok;
}

bool stats_store_put_count(struct stats_store *store, const struct stats_store_count *count) {
    sqlite3_stmt *put = store->put[PUT_COUNT];
    (void)sqlite3_bind_int64(put, 1, count->step_s);
    (void)sqlite3_bind_int64(put, 2, count->start_s);
    bind_text(put, 3, count->domain);
    bind_text(put, 4, count->word);
    (void)sqlite3_bind_int64(put, 5, (sqlite3_int64)count->n);
    return step(store, put);
}

bool stats_store_put_domain(struct stats_store *store, const struct stats_store_domain *domain) {
    sqlite3_stmt *put = store->put[PUT_DOMAIN];
    bind_text(put, 1, domain->domain);
    (void)sqlite3_bind_int64(put, 2, domain->first_seen_s);
    (void)sqlite3_bind_int64(put, 3, domain->last_seen_s);
    bind_text(put, 4, domain->dnssec);
    return step(store, put);
}

bool stats_store_put_key(struct stats_store *store, const struct stats_store_key *record) {
    sqlite3_stmt *put = store->put[PUT_KEY];
    const struct stats_key *key = &record->key;
    char hex[2 * DIGEST_OCTETS + 1];
    for (size_t i = 0; i < DIGEST_OCTETS; i++) snprintf(hex + 2 * i, 3, "%02x", key->fingerprint[i]);
    bind_text(put, 1, record->domain);
    bind_text(put, 2, (struct span){key->selector, key->selector_len});
    bind_text(put, 3, (struct span){hex, key->has_fingerprint ? 2 * (size_t)DIGEST_OCTETS : 0});
    bind_text(put, 4, span_of(key_algorithm_word((enum key_algorithm)key->algorithm)));
    (void)sqlite3_bind_int(put, 5, key->bits);
    (void)sqlite3_bind_int(put, 6, key->testing);
    (void)sqlite3_bind_int(put, 7, key->revoked);
    bind_text(put, 8, span_of(dnssec_state_word((enum dnssec_state)key->dnssec)));
    (void)sqlite3_bind_int64(put, 9, key->first_seen_s);
    (void)sqlite3_bind_int64(put, 10, key->last_seen_s);
    for (int i = 0; i < DOMAIN_RESULT_COUNT; i++) (void)sqlite3_bind_int64(put, 11 + i, (sqlite3_int64)key->count[i]);
    return step(store, put);
}

/* The times and limits that statements speak of by name, each of those it needs. */
struct bounds {
    int64_t minutes_s, hours_s, now_s;
    uint32_t domain_max;
};

static bool bind_one(sqlite3_stmt *statement, const char *name, int64_t value) {
    int place = sqlite3_bind_parameter_index(statement, name);
    return place == 0 || sqlite3_bind_int64(statement, place, value) == SQLITE_OK;
}

/* NULL: it could not be made. */
static sqlite3_stmt *prepare_with(struct stats_store *store, const char *text, const struct bounds *bounds) {
    sqlite3_stmt *statement = prepare(store, text);
    if (statement == NULL) return NULL;
    if (bind_one(statement, ":minutes", bounds->minutes_s) && bind_one(statement, ":hours", bounds->hours_s) &&
        bind_one(statement, ":now", bounds->now_s) && bind_one(statement, ":domains", bounds->domain_max))
        return statement;
    fail(store);
    (void)sqlite3_finalize(statement);
    return NULL;
}

bool stats_store_prune(struct stats_store *store, int64_t minutes_s, int64_t oldest_s) {
    static const char *const texts[] = {
        "DELETE FROM counts WHERE step_s=60 AND start_s<:minutes",
        "DELETE FROM counts WHERE step_s=3600 AND start_s<:hours",
        "DELETE FROM keys WHERE last_seen_s<:hours",
        "DELETE FROM domains WHERE last_seen_s<:hours",
        "DELETE FROM counts WHERE step_s=0 AND domain NOT IN (SELECT domain FROM domains)",
    };
    const struct bounds bounds = {.minutes_s = minutes_s, .hours_s = oldest_s};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof texts / sizeof *texts; i++) {
        sqlite3_stmt *statement = prepare_with(store, texts[i], &bounds);
        ok = statement != NULL && step(store, statement);
        (void)sqlite3_finalize(statement);
    }
    return ok;
}

/* --- Reading. --- */

static struct span text_of(sqlite3_stmt *statement, int column) {
    const char *text = (const char *)sqlite3_column_text(statement, column); /* first: the length is that of the text */
    int len = sqlite3_column_bytes(statement, column);
    return (struct span){text != NULL ? text : "", text != NULL && len > 0 ? (size_t)len : 0};
}

static uint64_t count_of(sqlite3_stmt *statement, int column) {
    sqlite3_int64 n = sqlite3_column_int64(statement, column);
    return n > 0 ? (uint64_t)n : 0;
}

static void read_weight(sqlite3_stmt *row, const struct stats_store_reader *reader) {
    reader->on_weight(reader->owner, text_of(row, 0), count_of(row, 1));
}

static void read_count(sqlite3_stmt *row, const struct stats_store_reader *reader) {
    const struct stats_store_count count = {text_of(row, 0), (uint32_t)count_of(row, 1), sqlite3_column_int64(row, 2),
                                            text_of(row, 3), count_of(row, 4)};
    reader->on_count(reader->owner, &count);
}

static void read_domain(sqlite3_stmt *row, const struct stats_store_reader *reader) {
    const struct stats_store_domain domain = {text_of(row, 0), sqlite3_column_int64(row, 1),
                                              sqlite3_column_int64(row, 2), text_of(row, 3)};
    reader->on_domain(reader->owner, &domain);
}

static bool read_fingerprint(struct span hex, uint8_t out[DIGEST_OCTETS]) {
    if (hex.len != 2 * (size_t)DIGEST_OCTETS) return false;
    for (size_t i = 0; i < DIGEST_OCTETS; i++) {
        int high = ascii_hex_value(hex.ptr[2 * i]), low = ascii_hex_value(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static uint8_t algorithm_of(struct span word) {
    if (span_is(word, key_algorithm_word(KEY_RSA))) return KEY_RSA;
    return span_is(word, key_algorithm_word(KEY_ED25519)) ? KEY_ED25519 : KEY_ALGORITHM_UNKNOWN;
}

static uint8_t dnssec_of(struct span word) {
    for (uint8_t i = 0; i < DNSSEC_STATE_COUNT; i++)
        if (span_is(word, dnssec_state_word((enum dnssec_state)i))) return i;
    return DNSSEC_INDETERMINATE;
}

/* The file may have been written to by others: what does not fit is left out. */
static void read_key(sqlite3_stmt *row, const struct stats_store_reader *reader) {
    struct stats_store_key record = {.domain = text_of(row, 0)};
    struct stats_key *key = &record.key;
    struct span selector = text_of(row, 1), fingerprint = text_of(row, 2);
    if (selector.len == 0 || selector.len > STATS_KEY_SELECTOR_MAX) return;
    memcpy(key->selector, selector.ptr, selector.len);
    key->selector_len = (uint8_t)selector.len;
    key->has_fingerprint = read_fingerprint(fingerprint, key->fingerprint);
    if (!key->has_fingerprint) memset(key->fingerprint, 0, sizeof key->fingerprint);
    key->algorithm = algorithm_of(text_of(row, 3));
    key->bits = (uint16_t)count_of(row, 4);
    key->testing = sqlite3_column_int(row, 5) != 0;
    key->revoked = sqlite3_column_int(row, 6) != 0;
    key->dnssec = dnssec_of(text_of(row, 7));
    key->first_seen_s = sqlite3_column_int64(row, 8);
    key->last_seen_s = sqlite3_column_int64(row, 9);
    for (int i = 0; i < DOMAIN_RESULT_COUNT; i++) key->count[i] = count_of(row, 10 + i);
    reader->on_key(reader->owner, &record);
}

static const struct {
    const char *text;
    void (*read)(sqlite3_stmt *row, const struct stats_store_reader *reader);
} queries[] = {
    {"SELECT domain,sum(n) FROM counts WHERE step_s=3600 AND start_s BETWEEN :hours AND :now AND domain<>'' "
     "AND word IN ('pass','fail','other') GROUP BY domain ORDER BY 2 DESC,1 LIMIT :domains",
     read_weight},
    {"SELECT domain,step_s,start_s,word,n FROM counts WHERE step_s=60 AND start_s BETWEEN :minutes AND :now "
     "OR step_s=3600 AND start_s BETWEEN :hours AND :now OR step_s=0 ORDER BY start_s",
     read_count},
    {"SELECT domain,first_seen_s,last_seen_s,dnssec FROM domains", read_domain},
    {"SELECT domain,selector,fingerprint,algorithm,bits,testing,revoked,dnssec,first_seen_s,last_seen_s,"
     "pass,fail,other FROM keys ORDER BY last_seen_s",
     read_key},
};

bool stats_store_read(struct stats_store *store, int64_t minutes_s, int64_t hours_s, int64_t now_s, uint32_t domain_max,
                      const struct stats_store_reader *reader) {
    const struct bounds bounds = {minutes_s, hours_s, now_s, domain_max};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof queries / sizeof *queries; i++) {
        int status = SQLITE_ERROR;
        sqlite3_stmt *statement = prepare_with(store, queries[i].text, &bounds);
        if (statement == NULL) return false;
        while ((status = sqlite3_step(statement)) == SQLITE_ROW) queries[i].read(statement, reader);
        ok = status == SQLITE_DONE || fail(store);
        (void)sqlite3_finalize(statement);
    }
    return ok;
}
