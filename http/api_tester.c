#include "http/api_tester.h"
#include "base/json.h"
#include "http/api.h"
#include "verifier/record_paste.h"

enum { RECORD_ARENA_MAX = 1 << 20 };

static void end_line(struct bytes *out) { bytes_append_char(out, '\n'); }

/* base_url may be empty: then links begin with their path. */
static void write_url(struct json *json, const struct tester_setup *facts, const char *path, const char *token) {
    struct bytes url = bytes_with_cap(1024);
    bytes_append_format(&url, "%s/%s/%s", facts->base_url, path, token);
    json_key_string(json, "url", bytes_span(&url));
    bytes_release(&url);
}

static void write_address(struct json *json, const struct tester_setup *facts, const char *token) {
    struct bytes address = bytes_with_cap(512);
    bytes_append_format(&address, "%s@%s", token, facts->domain);
    json_key_string(json, "address", bytes_span(&address));
    bytes_release(&address);
}

void api_write_ticket(const struct tester_setup *facts, const struct tester_ticket *ticket, struct bytes *out) {
    struct json json = json_writer(out);
    json_object(&json);
    write_address(&json, facts, ticket->token);
    write_url(&json, facts, "t", ticket->token);
    json_key_text(&json, "token", ticket->token);
    api_write_time(&json, "expires", ticket->expires_s);
    api_write_time(&json, "deleted", ticket->deleted_s);
    json_object_end(&json);
    end_line(out);
}

void api_write_test(const struct tester_setup *facts, const struct tester_view *view, struct bytes *out) {
    static const char *const sources[] = {[TESTER_BY_MAIL] = "mail", [TESTER_BY_PASTE] = "paste", [TESTER_BY_UPLOAD] = "upload",
                                          [TESTER_BY_API] = "api", [TESTER_BY_DOMAIN] = "domain"};
    struct json json = json_writer(out);
    json_object(&json);
    json_key_text(&json, "token", view->token[0] != '\0' ? view->token : NULL);
    if (view->source == TESTER_BY_MAIL && view->token[0] != '\0')
        write_address(&json, facts, view->token);
    else
        json_key_null(&json, "address");
    json_key_text(&json, "share", view->share[0] != '\0' ? view->share : NULL);
    json_key_text(&json, "source", sources[view->source]);
    api_write_time(&json, "opened", view->opened_s);
    api_write_time(&json, "expires", view->expires_s);
    api_write_time(&json, "deleted", view->deleted_s);
    json_key_bool(&json, "takes_mail", view->takes_mail);
    json_key_uint(&json, "received", view->received);
    json_key(&json, "reports");
    json_array(&json);
    for (size_t i = 0; i < view->report_count; i++) tester_report_write_json(&json, view->report[i]);
    json_array_end(&json);
    json_object_end(&json);
    end_line(out);
}

void api_write_share(const struct tester_setup *facts, const char *share, struct bytes *out) {
    struct json json = json_writer(out);
    json_object(&json);
    json_key_text(&json, "share", share);
    write_url(&json, facts, "r", share);
    json_object_end(&json);
    end_line(out);
}

static void write_no_memory(struct bytes *out) {
    (void)api_write_problem(500, "Internal Server Error", "out of memory", NULL, out);
}

void api_write_report(struct bytes *out, const struct tester_report *report, enum language language) {
    struct json json = json_writer(out);
    (void)language; /* both are in it */
    if (report == NULL) {
        write_no_memory(out);
        return;
    }
    tester_report_write_json(&json, report);
    end_line(out);
}

void api_write_records(struct bytes *out, const struct tester_report *report, enum language language) {
    struct json json = json_writer(out);
    (void)language;
    if (report == NULL || report->record_count == 0) {
        write_no_memory(out);
        return;
    }
    record_report_write_json(&json, &report->record[0]);
    end_line(out);
}

/* ---- a text ---- */

static const char *kind_word(enum record_paste_kind kind) {
    static const char *const words[] = {[RECORD_PASTE_TEXT] = "text", [RECORD_PASTE_STRINGS] = "strings",
                                        [RECORD_PASTE_ZONE_TXT] = "zone_txt", [RECORD_PASTE_ZONE_CNAME] = "zone_cname",
                                        [RECORD_PASTE_FORM] = "form"};
    return words[kind];
}

static void write_tags(struct json *json, const struct record_text *record) {
    json_key(json, "tags");
    json_array(json);
    for (size_t i = 0; i < record->tags.count; i++) {
        json_object(json);
        json_key_string(json, "name", record->tags.tag[i].name);
        json_key_string(json, "value", record->tags.tag[i].value);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_key(struct json *json, const struct record_text *record) {
    json_key(json, "key");
    if (record->key.bits == 0) {
        json_null(json);
        return;
    }
    json_object(json);
    json_key_text(json, "type", key_algorithm_word(record->key.algorithm));
    json_key_uint(json, "bits", record->key.bits);
    json_key_text(json, "fingerprint", record->fingerprint[0] != '\0' ? record->fingerprint : NULL);
    json_object_end(json);
}

static bool judge(struct span text, struct arena *arena, struct record_paste *paste, struct record_text *record,
                  struct finding_list *findings) {
    if (arena == NULL || !record_paste_read(text, arena, paste)) return false;
    *record = (struct record_text){.text = paste->text};
    if (paste->kind == RECORD_PASTE_ZONE_CNAME) return true; /* where it leads is the DNS's to say */
    return record_text_read(paste->text, paste->strings, arena, record) && record_text_judge(record, arena, findings);
}

void api_write_judged_record(struct span text, struct bytes *out) {
    struct arena *arena = arena_create(RECORD_ARENA_MAX);
    struct record_paste paste;
    struct record_text record;
    struct finding_list findings = {.count = 0};
    struct json json = json_writer(out);
    if (judge(text, arena, &paste, &record, &findings)) {
        json_object(&json);
        json_key_text(&json, "kind", kind_word(paste.kind));
        report_write_optional(&json, "owner", paste.owner);
        report_write_optional(&json, "target", paste.target);
        json_key_string(&json, "record", record.text);
        json_key_bool(&json, "usable", record.usable);
        write_key(&json, &record);
        write_tags(&json, &record);
        json_key(&json, "findings");
        finding_write_json(&json, &findings);
        json_object_end(&json);
        end_line(out);
    } else {
        out->failed = true;
    }
    arena_destroy(arena);
}
