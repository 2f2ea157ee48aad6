#include "verifier/arc_seal.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/ascii.h"
#include "base/base64.h"
#include "verifier/arc_set.h"
#include "verifier/auth_results_reader.h"
#include "verifier/authserv_id.h"
#include "verifier/field_index.h"
#include "verifier/header_canon.h"

enum {
    FOLD_AT = 78,          /* RFC 5322 section 2.1.1 */
    FIELD_MAX = 64 * 1024, /* octets of one of our fields */
    NAMES_MAX = 8 * 1024,  /* octets of h= */
    ARENA_MAX = 4 * 1024 * 1024,
};

const char *arc_seal_status_text(enum arc_seal_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {ARC_SEAL_STATUSES(X)};
#undef X
    return texts[status];
}

/* What is signed when the message has it; once: RFC 5322 section 3.6 allows one, and our signature none besides. */
static const struct signed_field {
    const char *name;
    bool once;
} signed_fields[] = {
    {"from", true},
    {"sender", true},
    {"reply-to", true},
    {"subject", true},
    {"date", true},
    {"message-id", true},
    {"to", true},
    {"cc", true},
    {"in-reply-to", true},
    {"references", true},
    {"mime-version", true},
    {"content-type", true},
    {"content-transfer-encoding", true},
    {"content-disposition", false},
    {"resent-from", false},
    {"resent-date", false},
    {"resent-to", false},
    {"list-id", false},
    {"list-help", false},
    {"list-unsubscribe", false},
    {"list-subscribe", false},
    {"list-post", false},
    {"list-owner", false},
    {"list-archive", false},
    {"list-unsubscribe-post", false},
    {"dkim-signature", false},
};

/* ---- One field under construction ---- */

struct writer {
    struct bytes *out;
    bool plain;
    size_t column;
    size_t signature_at; /* offset in out of b='s value */
};

static void put(struct writer *writer, struct span text) {
    bytes_append(writer->out, text);
    writer->column += text.len;
}

static void put_text(struct writer *writer, const char *text) { put(writer, span_of(text)); }

static void fold(struct writer *writer) {
    put_text(writer, "\r\n\t");
    writer->column = 1;
}

static void begin_field(struct writer *writer, const char *name) {
    writer->column = 0;
    put_text(writer, name);
    put_text(writer, ":");
}

/* How a value may be cut where the line ends. */
enum cut {
    CUT_NOWHERE,
    CUT_ANYWHERE, /* base64 */
    CUT_AT_COLON, /* names */
};

struct seal_tag {
    const char *name;
    struct span value;
    enum cut cut;
};

/* What is cut starts a line, so it looks the same whatever stands before it: white space in h= is signed like all else.
 */
static void begin_tag(struct writer *writer, const struct seal_tag *tag, bool is_first) {
    size_t len = tag->cut != CUT_NOWHERE ? FOLD_AT : strlen(tag->name) + 1 + tag->value.len;
    if (!is_first) put_text(writer, ";");
    if (!writer->plain && !is_first && writer->column + 1 + len + 1 > FOLD_AT)
        fold(writer);
    else
        put_text(writer, " ");
    put_text(writer, tag->name);
    put_text(writer, "=");
    if (tag->cut == CUT_ANYWHERE) writer->signature_at = writer->out->len;
}

static size_t room_in_line(const struct writer *writer) {
    return writer->column + 1 < FOLD_AT ? FOLD_AT - 1 - writer->column : 0; /* a semicolon may follow */
}

static void put_base64(struct writer *writer, struct span value) {
    for (size_t len; value.len > 0; value = span_after(value, len)) {
        if (room_in_line(writer) == 0) fold(writer);
        len = value.len < room_in_line(writer) ? value.len : room_in_line(writer);
        put(writer, span_first(value, len));
    }
}

static void put_names(struct writer *writer, struct span names) {
    for (size_t len; names.len > 0; names = span_after(names, len)) {
        len = span_find(names, ':');
        if (len < names.len) len++;
        if (len > room_in_line(writer)) fold(writer);
        put(writer, span_first(names, len));
    }
}

static int compare_tags(const void *a, const void *b) {
    return strcmp(((const struct seal_tag *)a)->name, ((const struct seal_tag *)b)->name);
}

/* In the order given, which people know, or for the plain form by name. */
static void put_tags(struct writer *writer, struct seal_tag *tags, size_t count) {
    if (writer->plain) qsort(tags, count, sizeof *tags, compare_tags);
    for (size_t i = 0; i < count; i++) {
        begin_tag(writer, &tags[i], i == 0);
        if (writer->plain || tags[i].cut == CUT_NOWHERE)
            put(writer, tags[i].value);
        else if (tags[i].cut == CUT_ANYWHERE)
            put_base64(writer, tags[i].value);
        else
            put_names(writer, tags[i].value);
    }
}

/* ---- The set ---- */

struct sealer {
    const struct arc_seal_request *request;
    struct arena *arena;
    struct arc_chain chain;
    unsigned instance;
    bool chain_failed;
    char instance_text[16], time_text[24];
    struct bytes names, signature, results_field, message_field, seal_field;
    struct digest digest;
};

static const char *algorithm_of(const struct sealer *sealer) {
    return sealing_key_algorithm(sealer->request->key) == KEY_ED25519 ? "ed25519-sha256" : "rsa-sha256";
}

static const char *chain_validation_of(const struct sealer *sealer) {
    if (sealer->chain_failed) return "fail";
    return sealer->instance == 1 ? "none" : "pass";
}

/* A field of ours, as header_canon wants it: "Name:" and its body without CRLF. */
static struct header_field as_field(const struct bytes *text) {
    struct span raw = bytes_span(text);
    size_t colon = span_find(raw, ':');
    return (struct header_field){.raw = raw, .name = span_first(raw, colon), .body = span_after(raw, colon + 1)};
}

/* text word by word: white space becomes one blank, or a fold where the line is full. */
static void put_words(struct writer *writer, struct span text) {
    for (text = span_trim(text); text.len > 0; text = span_trim(text)) {
        size_t len = 0;
        while (len < text.len && !ascii_is_space(text.ptr[len])) len++;
        if (!writer->plain && writer->column + 1 + len > FOLD_AT)
            fold(writer);
        else
            put_text(writer, " ");
        put(writer, span_first(text, len));
        text = span_after(text, len);
    }
}

static void write_results(struct sealer *sealer) {
    struct writer writer = {.out = &sealer->results_field, .plain = sealer->request->plain};
    struct span results = span_trim(sealer->request->results);
    size_t line = span_find(results, '\r');
    begin_field(&writer, "ARC-Authentication-Results");
    put_text(&writer, " i=");
    put_text(&writer, sealer->instance_text);
    put_text(&writer, ";");
    if (writer.plain) {
        put_words(&writer, results);
        return;
    }
    if (writer.column + 1 + line > FOLD_AT)
        fold(&writer);
    else
        put_text(&writer, " ");
    put(&writer, results); /* with its own folds: so they were wanted */
}

/* Writes the field into out; the offset of b='s value. */
static size_t write_message(struct sealer *sealer, struct span body_hash, struct span signature) {
    const struct arc_seal_request *request = sealer->request;
    struct writer writer = {.out = &sealer->message_field, .plain = request->plain};
    struct seal_tag tags[] = {
        {.name = "i", .value = span_of(sealer->instance_text)},
        {.name = "a", .value = span_of(algorithm_of(sealer))},
        {.name = "c", .value = span_of("relaxed/relaxed")},
        {.name = "d", .value = request->domain},
        {.name = "s", .value = request->selector},
        {.name = "t", .value = span_of(sealer->time_text)},
        {.name = "h", .value = bytes_span(&sealer->names), .cut = CUT_AT_COLON},
        {.name = "bh", .value = body_hash},
        {.name = "b", .value = signature, .cut = CUT_ANYWHERE},
    };
    bytes_clear(writer.out);
    begin_field(&writer, "ARC-Message-Signature");
    put_tags(&writer, tags, sizeof tags / sizeof *tags);
    return writer.signature_at;
}

static size_t write_seal(struct sealer *sealer, struct span signature) {
    const struct arc_seal_request *request = sealer->request;
    struct writer writer = {.out = &sealer->seal_field, .plain = request->plain};
    struct seal_tag tags[] = {
        {.name = "i", .value = span_of(sealer->instance_text)},
        {.name = "a", .value = span_of(algorithm_of(sealer))},
        {.name = "cv", .value = span_of(chain_validation_of(sealer))},
        {.name = "d", .value = request->domain},
        {.name = "s", .value = request->selector},
        {.name = "t", .value = span_of(sealer->time_text)},
        {.name = "b", .value = signature, .cut = CUT_ANYWHERE},
    };
    bytes_clear(writer.out);
    begin_field(&writer, "ARC-Seal");
    put_tags(&writer, tags, sizeof tags / sizeof *tags);
    return writer.signature_at;
}

/* Hashes a field of ours whose b= is empty, as the last of what it signs. */
static void hash_unsigned(struct sealer *sealer, const struct bytes *text, size_t signature_at) {
    struct header_field field = as_field(text);
    header_canon_signature(CANON_RELAXED, &field, (struct span){text->ptr + signature_at, 0}, &sealer->digest);
}

/* b= of what the digest has seen, into sealer->signature. */
static enum arc_seal_status sign(struct sealer *sealer) {
    uint8_t value[DIGEST_OCTETS], signature[SEALING_KEY_SIGNATURE_MAX];
    size_t len;
    bytes_clear(&sealer->signature);
    if (!digest_end(&sealer->digest, value)) return ARC_SEAL_NO_MEMORY;
    if (!sealing_key_sign(sealer->request->key, value, signature, &len)) return ARC_SEAL_KEY_FAILED;
    bool encoded = base64_encode(&sealer->signature, (struct span){(const char *)signature, len});
    return encoded ? ARC_SEAL_ADDED : ARC_SEAL_NO_MEMORY;
}

static size_t count_of(const struct header_section *section, const char *name) {
    size_t count = header_section_count(section, name);
    return count < 10 ? count : 10; /* of a name that occurs more often, the lowest are signed */
}

static void choose_names(struct sealer *sealer) {
    struct bytes *names = &sealer->names;
    size_t room = ARC_SEAL_SIGNED_MAX;
    if (sealer->request->signed_names.len > 0) {
        bytes_append(names, sealer->request->signed_names);
        return;
    }
    for (size_t i = 0; i < sizeof signed_fields / sizeof *signed_fields; i++) {
        size_t times = count_of(sealer->request->section, signed_fields[i].name);
        if (times > 0 && signed_fields[i].once) times++;
        for (; times > 0 && room > 0; times--, room--) {
            if (names->len > 0) bytes_append_char(names, ':');
            bytes_append_text(names, signed_fields[i].name);
        }
    }
    if (names->len == 0) bytes_append_text(names, "from"); /* signs that there is none */
}

/* Section 5.1 step 3 of the sealer's actions: the message as it goes on. */
static enum arc_seal_status sign_message(struct sealer *sealer) {
    struct bytes body_hash = bytes_with_cap(64);
    struct field_index *fields = field_index_create(sealer->request->section, sealer->arena);
    if (fields == NULL ||
        !base64_encode(&body_hash, (struct span){(const char *)sealer->request->body_hash, DIGEST_OCTETS})) {
        bytes_release(&body_hash);
        return ARC_SEAL_NO_MEMORY;
    }
    choose_names(sealer);
    digest_begin(&sealer->digest);
    for (struct span rest = bytes_span(&sealer->names); rest.len > 0;) {
        size_t len = span_find(rest, ':');
        const struct header_field *field = field_index_next(fields, span_trim(span_first(rest, len)));
        if (field != NULL) header_canon_field(CANON_RELAXED, field, &sealer->digest);
        rest = span_after(rest, len < rest.len ? len + 1 : len);
    }
    size_t signature_at = write_message(sealer, bytes_span(&body_hash), (struct span){"", 0});
    enum arc_seal_status status = ARC_SEAL_NO_MEMORY;
    if (!sealer->message_field.failed) {
        hash_unsigned(sealer, &sealer->message_field, signature_at);
        status = sign(sealer);
    }
    if (status == ARC_SEAL_ADDED) write_message(sealer, bytes_span(&body_hash), bytes_span(&sealer->signature));
    bytes_release(&body_hash);
    return status;
}

static void hash_whole(struct sealer *sealer, const struct bytes *text) {
    struct header_field field = as_field(text);
    header_canon_field(CANON_RELAXED, &field, &sealer->digest);
}

/* Section 5.1.1: all sets in order, ours last; with a broken chain ours alone (5.1.2). */
static enum arc_seal_status sign_seal(struct sealer *sealer) {
    digest_begin(&sealer->digest);
    for (unsigned i = 0; i + 1 < sealer->instance && !sealer->chain_failed; i++) {
        const struct arc_set *set = &sealer->chain.set[i];
        header_canon_field(CANON_RELAXED, set->results, &sealer->digest);
        header_canon_field(CANON_RELAXED, set->message, &sealer->digest);
        header_canon_field(CANON_RELAXED, set->seal, &sealer->digest);
    }
    size_t signature_at = write_seal(sealer, (struct span){"", 0});
    if (sealer->results_field.failed || sealer->message_field.failed || sealer->seal_field.failed)
        return ARC_SEAL_NO_MEMORY;
    hash_whole(sealer, &sealer->results_field);
    hash_whole(sealer, &sealer->message_field);
    hash_unsigned(sealer, &sealer->seal_field, signature_at);
    enum arc_seal_status status = sign(sealer);
    if (status == ARC_SEAL_ADDED) write_seal(sealer, bytes_span(&sealer->signature));
    return status;
}

static enum arc_seal_status seal(struct sealer *sealer) {
    const struct arc_result *arc = sealer->request->arc;
    if (!arc_set_collect(sealer->request->section, sealer->arena, &sealer->chain)) return ARC_SEAL_NO_MEMORY;
    if (sealer->chain.was_failed || arc->was_failed) return ARC_SEAL_ALREADY_FAILED;
    if (sealer->chain.newest == ARC_SETS_MAX || arc->code == ARC_TOO_MANY_SETS) return ARC_SEAL_FULL;
    sealer->instance = sealer->chain.newest + 1;
    /* What is not whole in itself cannot be covered, whatever arc says. */
    sealer->chain_failed =
        arc->result == RESULT_FAIL || (sealer->chain.code != ARC_OK && sealer->chain.code != ARC_NO_SETS);
    snprintf(sealer->instance_text, sizeof sealer->instance_text, "%u", sealer->instance);
    snprintf(sealer->time_text, sizeof sealer->time_text, "%lld",
             (long long)(sealer->request->now_s > 0 ? sealer->request->now_s : 0));
    write_results(sealer);
    enum arc_seal_status status = sign_message(sealer);
    return status == ARC_SEAL_ADDED ? sign_seal(sealer) : status;
}

static bool append_fields(struct bytes *out, const struct sealer *sealer) {
    const struct bytes *const fields[] = {&sealer->seal_field, &sealer->message_field, &sealer->results_field};
    size_t before = out->len;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        bytes_append(out, fields[i]->failed ? (struct span){NULL, 0} : bytes_span(fields[i]));
        bytes_append_text(out, "\r\n");
        if (fields[i]->failed) out->failed = true;
    }
    if (out->failed) out->len = before;
    return !out->failed;
}

enum arc_seal_status arc_seal_write(struct bytes *out, const struct arc_seal_request *request) {
    struct sealer sealer = {
        .request = request,
        .arena = arena_create(ARENA_MAX),
        .names = bytes_with_cap(NAMES_MAX),
        .signature = bytes_with_cap(1024),
        .results_field = bytes_with_cap(FIELD_MAX),
        .message_field = bytes_with_cap(FIELD_MAX),
        .seal_field = bytes_with_cap(FIELD_MAX),
    };
    bool ready = digest_init(&sealer.digest) && sealer.arena != NULL;
    enum arc_seal_status status = ready ? seal(&sealer) : ARC_SEAL_NO_MEMORY;
    if (status == ARC_SEAL_ADDED && !append_fields(out, &sealer)) status = ARC_SEAL_NO_MEMORY;
    digest_release(&sealer.digest);
    bytes_release(&sealer.seal_field);
    bytes_release(&sealer.message_field);
    bytes_release(&sealer.results_field);
    bytes_release(&sealer.signature);
    bytes_release(&sealer.names);
    arena_destroy(sealer.arena);
    return status;
}

bool arc_seal_may_sign(struct span names) {
    for (struct span rest = names; rest.len > 0;) {
        size_t len = span_find(rest, ':');
        struct span name = span_first(rest, len);
        for (size_t i = 0; i < len; i++)
            if (!ascii_is_graph(name.ptr[i]) || name.ptr[i] == ';') return false;
        bool is_arc = len >= 4 && span_is_nocase(span_first(name, 4), "arc-");
        if (len == 0 || is_arc || span_is_nocase(name, "authentication-results")) return false;
        rest = span_after(rest, len < rest.len ? len + 1 : len);
    }
    return names.len > 0 && names.len < NAMES_MAX && names.ptr[names.len - 1] != ':';
}

/* Ours, and sound: what no reader understands is not passed on. */
static bool is_mergeable(const struct header_field *field, const struct authserv_id *id, struct arena *arena) {
    struct auth_results results;
    size_t error_at;
    return span_is_nocase(field->name, "Authentication-Results") && authserv_id_claimed_by(id, field) &&
           auth_results_read(field->body, arena, &results, &error_at) == AUTH_RESULTS_OK && results.count > 0 &&
           span_find(field->body, ';') < field->body.len;
}

bool arc_seal_merge_results(struct bytes *out, const struct header_section *section, const struct authserv_id *id) {
    struct arena *arena = arena_create(ARENA_MAX);
    struct writer writer = {.out = out, .column = id->len};
    bool any = false;
    if (arena == NULL) return false;
    for (const struct header_field *field = section->fields; field < section->fields + section->count; field++) {
        if (!is_mergeable(field, id, arena)) continue;
        if (!any) bytes_append(out, (struct span){id->ascii, id->len});
        put_text(&writer, ";");
        put_words(&writer, span_after(field->body, span_find(field->body, ';') + 1));
        any = true;
    }
    arena_destroy(arena);
    return any && !out->failed;
}
