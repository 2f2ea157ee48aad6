#include "verifier/dns_zone.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/arena.h"
#include "verifier/dns_faults.h"
#include "verifier/dns_packet.h"
#include "verifier/dns_zone_text.h"

enum { FILE_MAX = 64 * 1024 * 1024, RECORDS_MAX = 256 * 1024 * 1024 };

/* A name as its labels from the root down, each behind its length octet: whatever stands below a name starts with the
 * name's own key, so in sorted order it follows directly behind it. */
struct key {
    size_t len;
    uint8_t octets[DNS_NAME_WIRE_MAX + 2]; /* room for a wildcard label */
};

struct entry {
    struct span key, data, strings;
    uint32_t ttl_s, order; /* order: of reading, which records of one name and type keep */
    uint16_t type;
    enum dns_status fault;
};

struct table {
    struct entry *entry;
    size_t count, room;
    bool sorted;
};

struct dns_zone {
    struct dns_source source;
    struct arena *arena;
    struct table records, faults;
};

/* --- Keys --- */

static void key_from_name(const struct dns_name *name, struct key *out) {
    uint8_t label_at[DNS_NAME_WIRE_MAX / 2 + 1];
    size_t labels = 0;
    for (size_t at = 0; name->wire[at] != 0; at += 1u + name->wire[at]) label_at[labels++] = (uint8_t)at;
    out->len = 0;
    while (labels > 0) {
        const uint8_t *label = name->wire + label_at[--labels];
        memcpy(out->octets + out->len, label, 1u + label[0]);
        out->len += 1u + label[0];
    }
}

static struct span key_span(const struct key *key) { return (struct span){(const char *)key->octets, key->len}; }

static bool starts_with(struct span key, struct span ancestor) {
    return key.len >= ancestor.len && span_equal(span_first(key, ancestor.len), ancestor);
}

/* The key without its last label; for all but the root. */
static struct span parent_of(struct span key) {
    size_t last = 0;
    for (size_t at = 0; at < key.len; at += 1u + (uint8_t)key.ptr[at]) last = at;
    return span_first(key, last);
}

static int compare_keys(struct span a, struct span b) {
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_entries(const void *left, const void *right) {
    const struct entry *a = left, *b = right;
    int order = compare_keys(a->key, b->key);
    if (order == 0) order = (a->type > b->type) - (a->type < b->type);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

/* --- Tables: filled first, sorted at the first look --- */

static bool add_entry(struct dns_zone *zone, struct table *table, const struct dns_name *name, struct entry entry) {
    struct key key;
    if (table->count == table->room) {
        size_t room = table->room > 0 ? table->room * 2 : 64;
        struct entry *grown = room <= RECORDS_MAX / sizeof entry ? realloc(table->entry, room * sizeof entry) : NULL;
        if (grown == NULL) return false;
        table->entry = grown;
        table->room = room;
    }
    key_from_name(name, &key);
    size_t key_len = key.len, data_len = entry.data.len, strings_len = entry.strings.len;
    entry.key = arena_copy(zone->arena, key_span(&key));
    entry.data = arena_copy(zone->arena, entry.data);
    entry.strings = arena_copy(zone->arena, entry.strings);
    if (entry.key.len != key_len || entry.data.len != data_len || entry.strings.len != strings_len) return false;
    if (data_len == 0) entry.data.ptr = "";
    entry.order = (uint32_t)table->count;
    table->entry[table->count++] = entry;
    table->sorted = false;
    return true;
}

static bool add_record(void *owner, const struct dns_zone_record *record) {
    struct dns_zone *zone = owner;
    return add_entry(zone, &zone->records, &record->owner,
                     (struct entry){.data = record->data,
                                    .strings = record->strings,
                                    .ttl_s = record->ttl_s,
                                    .type = record->type});
}

static bool add_fault(void *owner, const struct dns_fault *fault) {
    struct dns_zone *zone = owner;
    return add_entry(zone, &zone->faults, &fault->name, (struct entry){.type = fault->type, .fault = fault->status});
}

static void sort(struct table *table) {
    if (table->count > 0 && !table->sorted) qsort(table->entry, table->count, sizeof *table->entry, compare_entries);
    table->sorted = true;
}

/* Index of the first entry at or behind key. */
static size_t lower_bound(const struct table *table, struct span key) {
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_keys(table->entry[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first entry of key and type, or NULL; those that follow it with the same key and type belong to it. */
static const struct entry *find(const struct table *table, struct span key, uint16_t type) {
    for (size_t at = lower_bound(table, key); at < table->count && span_equal(table->entry[at].key, key); at++)
        if (table->entry[at].type == type) return &table->entry[at];
    return NULL;
}

/* A name exists when a record stands at it or below it (RFC 4592 section 2.2). */
static bool exists(const struct table *table, struct span key) {
    size_t at = lower_bound(table, key);
    return at < table->count && starts_with(table->entry[at].key, key);
}

/* --- Lookup --- */

/* The wildcard that stands in for a name that does not exist: the * below its closest encloser (RFC 4592
 * section 3.3.1), or false when there is none. */
static bool find_wildcard(const struct table *records, struct span key, struct key *out) {
    struct span encloser = key;
    do {
        if (encloser.len == 0) return false; /* not even the root exists: no records at all */
        encloser = parent_of(encloser);
    } while (!exists(records, encloser));
    if (encloser.len > 0) memcpy(out->octets, encloser.ptr, encloser.len);
    memcpy(out->octets + encloser.len, "\1*", 2);
    out->len = encloser.len + 2;
    return exists(records, key_span(out));
}

/* The SOA at or next above key, NULL when there is none. */
static const struct entry *closest_soa(const struct table *records, struct span key) {
    for (;;) {
        const struct entry *soa = find(records, key, DNS_ZONE_TYPE_SOA);
        if (soa != NULL || key.len == 0) return soa;
        key = parent_of(key);
    }
}

/* TTL of a negative answer: RFC 2308 section 5. */
static uint32_t negative_ttl_s(const struct table *records, struct span key) {
    const struct entry *soa = closest_soa(records, key);
    return soa != NULL ? soa->ttl_s : 0;
}

static void lower_ttl(struct dns_answer *answer, uint32_t ttl_s) {
    if (ttl_s < answer->ttl_s) answer->ttl_s = ttl_s;
}

static void take_records(const struct table *records, const struct entry *first, struct dns_answer *answer) {
    const struct entry *end = records->entry + records->count;
    size_t text_len = 0;
    answer->status = DNS_FOUND;
    for (const struct entry *entry = first;
         entry < end && entry->type == first->type && span_equal(entry->key, first->key); entry++) {
        if (answer->record_count == DNS_RECORD_MAX) break;
        text_len += entry->data.len;
        if (entry->type == DNS_TXT && text_len > DNS_TEXT_MAX) break;
        answer->strings[answer->record_count] = entry->strings;
        answer->record[answer->record_count++] = entry->data;
        lower_ttl(answer, entry->ttl_s);
    }
}

static void answer_negative(const struct table *records, struct span key, enum dns_status status,
                            struct dns_answer *answer) {
    answer->status = status;
    lower_ttl(answer, negative_ttl_s(records, key));
}

static void answer_failure(enum dns_status status, struct dns_answer *answer) {
    *answer = (struct dns_answer){.status = status};
}

/* One step of the chain, at name. True: a CNAME was added to the answer and *name is its target. */
static bool step(struct dns_zone *zone, struct dns_name *name, enum dns_type type, struct dns_answer *answer) {
    struct key key, wildcard;
    key_from_name(name, &key);
    const struct entry *fault = find(&zone->faults, key_span(&key), type);
    if (fault != NULL) return answer_failure(fault->fault, answer), false;
    struct span owner = key_span(&key);
    if (!exists(&zone->records, owner)) {
        if (!find_wildcard(&zone->records, owner, &wildcard))
            return answer_negative(&zone->records, key_span(&key), DNS_NXDOMAIN, answer), false;
        owner = key_span(&wildcard);
    }
    const struct entry *found = find(&zone->records, owner, type);
    if (found != NULL) return take_records(&zone->records, found, answer), false;
    const struct entry *cname = find(&zone->records, owner, DNS_CNAME);
    if (cname == NULL) return answer_negative(&zone->records, key_span(&key), DNS_NODATA, answer), false;
    if (answer->cname_count == DNS_CNAME_MAX)
        return answer_failure(DNS_SERVFAIL, answer), false; /* loops end here, too */
    answer->cname_ttl_s[answer->cname_count] = cname->ttl_s;
    answer->cname[answer->cname_count++] = cname->data;
    lower_ttl(answer, cname->ttl_s);
    return dns_name_from_text(cname->data, NULL, name); /* written by dns_name_to_text, so it can be read */
}

static enum dns_progress lookup(struct dns_source *source, struct span text, enum dns_type type,
                                struct dns_query *query, struct dns_answer *answer) {
    struct dns_zone *zone = (struct dns_zone *)(void *)source; /* its first member */
    struct dns_name name;
    (void)query;
    sort(&zone->records);
    sort(&zone->faults);
    *answer = (struct dns_answer){.status = DNS_NXDOMAIN, .ttl_s = INT32_MAX};
    if (!dns_name_from_text(text, NULL, &name)) return answer->ttl_s = 0, DNS_ANSWERED;
    while (step(zone, &name, type, answer)) {}
    return DNS_ANSWERED;
}

bool dns_zone_holds(struct dns_zone *zone, struct span text) {
    struct dns_name name;
    struct key key;
    if (!dns_name_from_text(text, NULL, &name)) return false;
    sort(&zone->records);
    key_from_name(&name, &key);
    return closest_soa(&zone->records, key_span(&key)) != NULL;
}

static void cancel(struct dns_source *source, struct dns_query *query) { /* nothing is ever pending */
    (void)source;
    (void)query;
}

/* --- The zone itself --- */

struct dns_zone *dns_zone_create(void) {
    struct dns_zone *zone = calloc(1, sizeof *zone);
    if (zone == NULL) return NULL;
    zone->source = (struct dns_source){lookup, cancel};
    zone->arena = arena_create(RECORDS_MAX);
    if (zone->arena == NULL) return free(zone), NULL;
    return zone;
}

void dns_zone_destroy(struct dns_zone *zone) {
    if (zone == NULL) return;
    free(zone->records.entry);
    free(zone->faults.entry);
    arena_destroy(zone->arena);
    free(zone);
}

struct dns_source *dns_zone_source(struct dns_zone *zone) {
    return &zone->source;
}

bool dns_zone_add_text(struct dns_zone *zone, const char *name, struct span text, char **error) {
    return dns_zone_text_read(text, name, add_record, zone, error);
}

bool dns_zone_add_faults_text(struct dns_zone *zone, const char *name, struct span text, char **error) {
    return dns_faults_read(text, name, add_fault, zone, error);
}

/* The whole of a file, to be freed; NULL with *error set. */
static char *read_file(const char *path, size_t *len, char **error) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t room = 0;
    *len = 0;
    while (file != NULL && *len == room && room <= FILE_MAX) {
        size_t wanted = room > 0 ? room * 2 : 16 * 1024;
        char *grown = realloc(text, wanted);
        if (grown == NULL) break;
        text = grown;
        room = wanted;
        *len += fread(text + *len, 1, room - *len, file);
    }
    bool good = file != NULL && !ferror(file) && *len < room && *len <= FILE_MAX;
    const char *why = file == NULL || ferror(file) ? strerror(errno)
                      : *len > FILE_MAX            ? "larger than 64 MiB"
                                                   : "no memory";
    *error = NULL;
    if (!good && asprintf(error, "%s: %s", path, why) < 0) *error = NULL;
    if (file != NULL) fclose(file);
    if (!good) free(text);
    return good ? text : NULL;
}

static bool add_file(struct dns_zone *zone, const char *path, char **error,
                     bool (*add)(struct dns_zone *zone, const char *name, struct span text, char **error)) {
    size_t len;
    char *text = read_file(path, &len, error);
    bool good = text != NULL && add(zone, path, (struct span){text, len}, error);
    free(text);
    return good;
}

bool dns_zone_add_file(struct dns_zone *zone, const char *path, char **error) {
    return add_file(zone, path, error, dns_zone_add_text);
}

bool dns_zone_add_faults_file(struct dns_zone *zone, const char *path, char **error) {
    return add_file(zone, path, error, dns_zone_add_faults_text);
}
