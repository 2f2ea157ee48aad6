#include "tests/support/fake_keys.h"
#include <stdlib.h>

static struct key_entry *entry_for(struct fake_keys *keys, struct span name) {
    struct dns_answer answer = {.status = DNS_NXDOMAIN, .dnssec = DNSSEC_INSECURE, .ttl_s = 300};
    for (size_t i = 0; i < keys->rows; i++) {
        const struct fake_row *row = &keys->row[i];
        if (!span_is_nocase(name, row->name)) continue;
        answer.status = row->status;
        answer.dnssec = row->dnssec;
        if (row->cname != NULL) answer.cname[answer.cname_count++] = span_of(row->cname);
        for (size_t k = 0; k < 6 && row->record[k] != NULL; k++) answer.record[answer.record_count++] = span_of(row->record[k]);
    }
    return key_entry_create(&answer, 1700000000);
}

/* A late answer needs the name: the request's source_data holds a copy. */
struct late_name { size_t len; char octets[]; };

static enum key_progress get(struct key_source *source, struct span name, struct key_request *request, struct key_entry **entry) {
    struct fake_keys *keys = (struct fake_keys *)(void *)source;
    keys->lookups++;
    if (keys->answers == FAKE_LATE) {
        struct late_name *copy = malloc(sizeof *copy + name.len);
        if (copy == NULL) abort();
        copy->len = name.len;
        memcpy(copy->octets, name.ptr, name.len);
        request->source_data = copy;
        list_append(&keys->waiting, &request->node);
        return KEY_PENDING;
    }
    *entry = keys->answers == FAKE_NO_MEMORY ? NULL : entry_for(keys, name);
    return KEY_READY;
}

static void cancel(struct key_source *source, struct key_request *request) {
    struct fake_keys *keys = (struct fake_keys *)(void *)source;
    keys->cancels++;
    list_remove(&request->node);
    free(request->source_data);
}

void fake_keys_init(struct fake_keys *keys) {
    *keys = (struct fake_keys){.source = {get, cancel}};
    list_init(&keys->waiting);
}

struct fake_row *fake_keys_add(struct fake_keys *keys, const char *name, const char *record, enum dns_status status) {
    if (keys->rows == FAKE_ROWS_MAX) abort();
    struct fake_row *row = &keys->row[keys->rows++];
    *row = (struct fake_row){.name = name, .record = {record}, .status = status, .dnssec = DNSSEC_INSECURE};
    return row;
}

void fake_keys_answer(struct fake_keys *keys) {
    struct list *node;
    while ((node = list_take_first(&keys->waiting)) != NULL) {
        struct key_request *request = LIST_ENTRY(node, struct key_request, node);
        struct late_name *copy = request->source_data;
        struct key_entry *entry = entry_for(keys, (struct span){copy->octets, copy->len});
        free(copy);
        request->ready(request, entry);
    }
}
