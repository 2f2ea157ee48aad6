#include "verifier/sceau.h"
#include <stdlib.h>
#include "base/bytes.h"
#include "verifier/auth_results.h"
#include "verifier/authserv_id.h"
#include "verifier/message_verifier.h"

enum { FIELD_ROOM = 8 * 1024 };

/* A key source whose answers the caller brings. */
struct wanted {
    struct key_request *request;
    char name[DNS_NAME_MAX + 1];
};

struct sceau_verifier {
    struct key_source keys; /* first: a pointer to it is a pointer to the whole */
    struct clock clock; /* what the core sees: now_s, or the system's when that is 0 */
    struct message_verifier *core;
    struct wanted *wanted; /* key_lookups_max of them */
    size_t wanted_count;
    int64_t now_s;
};

static enum key_progress want(struct key_source *source, struct span name, struct key_request *request, struct key_entry **entry) {
    struct sceau_verifier *verifier = (struct sceau_verifier *)(void *)source;
    (void)entry;
    struct wanted *wanted = &verifier->wanted[verifier->wanted_count++];
    wanted->request = request;
    memcpy(wanted->name, name.ptr, name.len);
    wanted->name[name.len] = '\0';
    return KEY_PENDING;
}

static void forget(struct sceau_verifier *verifier, size_t at) {
    verifier->wanted[at] = verifier->wanted[--verifier->wanted_count];
}

static void cancel(struct key_source *source, struct key_request *request) {
    struct sceau_verifier *verifier = (struct sceau_verifier *)(void *)source;
    for (size_t i = 0; i < verifier->wanted_count; i++)
        if (verifier->wanted[i].request == request) forget(verifier, i);
}

static struct sceau_verifier *owner_of_clock(const struct clock *clock) {
    return (struct sceau_verifier *)(void *)((char *)(uintptr_t)clock - offsetof(struct sceau_verifier, clock));
}
static int64_t unix_s(const struct clock *clock) {
    const struct sceau_verifier *verifier = owner_of_clock(clock);
    return verifier->now_s != 0 ? verifier->now_s : clock_unix_s(&clock_system);
}
static int64_t monotonic_us(const struct clock *clock) {
    (void)clock;
    return clock_monotonic_us(&clock_system);
}

const char *sceau_version(void) { return SCEAU_VERSION; }

struct sceau_verifier *sceau_create(void) {
    struct sceau_verifier *verifier = calloc(1, sizeof *verifier);
    if (verifier == NULL) return NULL;
    verifier->keys = (struct key_source){want, cancel};
    verifier->clock = (struct clock){unix_s, monotonic_us};
    verifier->wanted = calloc(verifier_policy_default.key_lookups_max, sizeof *verifier->wanted);
    verifier->core = message_verifier_create(&verifier_policy_default, &verifier->keys, &verifier->clock);
    if (verifier->wanted == NULL || verifier->core == NULL) {
        sceau_destroy(verifier);
        return NULL;
    }
    return verifier;
}

void sceau_destroy(struct sceau_verifier *verifier) {
    if (verifier == NULL) return;
    message_verifier_destroy(verifier->core);
    free(verifier->wanted);
    free(verifier);
}

/* The caller polls: nobody needs to be told. */
static void nothing(void *owner) { (void)owner; }

void sceau_begin(struct sceau_verifier *verifier, int64_t now_s) {
    verifier->now_s = now_s;
    message_verifier_begin(verifier->core, nothing, NULL);
}

enum sceau_status sceau_update(struct sceau_verifier *verifier, const void *octets, size_t len) {
    enum verifier_progress progress = message_verifier_update(verifier->core, (struct span){octets, len});
    return progress == VERIFIER_REFUSED ? SCEAU_REFUSED : SCEAU_OK;
}

enum sceau_status sceau_end(struct sceau_verifier *verifier) {
    static const enum sceau_status statuses[] = {
        [VERIFIER_MORE] = SCEAU_WANTS_KEYS, [VERIFIER_DONE] = SCEAU_OK, [VERIFIER_REFUSED] = SCEAU_REFUSED};
    return statuses[message_verifier_end(verifier->core)];
}

const char *sceau_wanted_key(const struct sceau_verifier *verifier) {
    return verifier->wanted_count > 0 ? verifier->wanted[0].name : NULL;
}

enum sceau_status sceau_give_key(struct sceau_verifier *verifier, const char *name, enum sceau_key key, enum sceau_dnssec dnssec,
                                 const struct sceau_text *records, size_t count) {
    static const enum dns_status statuses[] = {
        [SCEAU_KEY_FOUND] = DNS_FOUND,       [SCEAU_KEY_NXDOMAIN] = DNS_NXDOMAIN, [SCEAU_KEY_NODATA] = DNS_NODATA,
        [SCEAU_KEY_SERVFAIL] = DNS_SERVFAIL, [SCEAU_KEY_TIMEOUT] = DNS_TIMEOUT,   [SCEAU_KEY_BOGUS] = DNS_BOGUS};
    static const enum dnssec_state states[] = {
        [SCEAU_DNSSEC_INDETERMINATE] = DNSSEC_INDETERMINATE, [SCEAU_DNSSEC_INSECURE] = DNSSEC_INSECURE,
        [SCEAU_DNSSEC_SECURE] = DNSSEC_SECURE,               [SCEAU_DNSSEC_BOGUS] = DNSSEC_BOGUS};
    for (size_t i = 0; i < verifier->wanted_count; i++) {
        if (strcmp(verifier->wanted[i].name, name) != 0) continue;
        struct dns_answer answer = {.status = statuses[key], .dnssec = states[dnssec]};
        for (size_t k = 0; k < count && k < DNS_RECORD_MAX; k++)
            answer.record[answer.record_count++] = (struct span){records[k].ptr, records[k].len};
        struct key_request *request = verifier->wanted[i].request;
        struct key_entry *entry = key_entry_create(&answer, clock_unix_s(&verifier->clock));
        forget(verifier, i);
        request->ready(request, entry);
        return entry != NULL ? SCEAU_OK : SCEAU_NO_MEMORY;
    }
    return SCEAU_NOT_WANTED;
}

void sceau_give_up(struct sceau_verifier *verifier) { message_verifier_expire(verifier->core); }

size_t sceau_signature_count(const struct sceau_verifier *verifier) { return message_verifier_result(verifier->core)->dkim_count; }

static struct sceau_text text(struct span span) { return (struct sceau_text){span.ptr, span.len}; }

struct sceau_signature sceau_signature(const struct sceau_verifier *verifier, size_t index) {
    const struct dkim_result *result = &message_verifier_result(verifier->core)->dkim[index];
    return (struct sceau_signature){
        .result = auth_result_word(result->result),
        .code = dkim_code_word(result->code),
        .header_part = part_state_word(result->header_part),
        .body_part = part_state_word(result->body_part),
        .dnssec = result->has_key_answer ? dnssec_state_word(result->dnssec) : NULL,
        .domain = text(result->domain),
        .selector = text(result->selector),
        .auid = text(result->auid),
        .algorithm = text(result->algorithm),
        .key_bits = result->key_bits,
        .aligned = result->aligned,
        .testing = result->testing,
        .unsigned_octets = result->unsigned_octets,
    };
}

size_t sceau_authentication_results(const struct sceau_verifier *verifier, const char *authserv_id, char *buffer, size_t room) {
    struct authserv_id id;
    struct bytes field = bytes_with_cap(FIELD_ROOM);
    size_t len = 0;
    if (authserv_id_init(&id, span_of(authserv_id)) &&
        auth_results_write(&field, span_of(authserv_id), message_verifier_result(verifier->core)) && field.len < room) {
        len = field.len;
        memcpy(buffer, field.ptr, len);
        buffer[len] = '\0';
    }
    bytes_release(&field);
    return len;
}
