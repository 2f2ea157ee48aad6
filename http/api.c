#include "http/api.h"
#include "base/json.h"

static void write_counts(struct json *json, const uint64_t *count) {
    uint64_t all = 0;
    for (int i = 0; i < DOMAIN_RESULT_COUNT; i++) all += count[i];
    json_key_uint(json, "messages", all);
    for (int i = 0; i < DOMAIN_RESULT_COUNT; i++) json_key_uint(json, domain_result_word((enum domain_result)i), count[i]);
}

static void write_counts_object(struct json *json, const char *key, const uint64_t *count) {
    json_key(json, key);
    json_object(json);
    write_counts(json, count);
    json_object_end(json);
}

bool api_write_domains(struct domain_stats *domains, enum domain_order order, size_t limit, struct bytes *out) {
    struct domain_report report;
    if (!domain_stats_list(domains, order, limit, &report)) return false;
    struct json json = json_writer(out);
    json_object(&json);
    json_key_uint(&json, "tracked", report.tracked);
    json_key_uint(&json, "evicted", report.evicted);
    json_key_text(&json, "sort", order == DOMAIN_BY_FAILURES ? "fail" : "messages");
    write_counts_object(&json, "total", report.total);
    json_key(&json, "domains");
    json_array(&json);
    for (size_t i = 0; i < report.row_count; i++) {
        json_object(&json);
        json_key_string(&json, "domain", report.rows[i].domain);
        write_counts(&json, report.rows[i].count);
        json_object_end(&json);
    }
    json_array_end(&json);
    write_counts_object(&json, "rest", report.other);
    json_object_end(&json);
    bytes_append_char(out, '\n');
    domain_report_release(&report);
    return !out->failed;
}

bool api_write_version(const struct build_info *build, struct bytes *out) {
    struct json json = json_writer(out);
    json_object(&json);
    json_key_text(&json, "name", "sceau");
    json_key_text(&json, "version", build->version);
    json_key_text(&json, "revision", build->revision);
    json_key_text(&json, "openssl", build->openssl);
    json_key_text(&json, "unbound", build->unbound);
    json_object_end(&json);
    bytes_append_char(out, '\n');
    return !out->failed;
}

bool api_write_problem(unsigned status, const char *title, const char *detail, struct bytes *out) {
    struct json json = json_writer(out);
    json_object(&json);
    json_key_text(&json, "type", "about:blank");
    json_key_text(&json, "title", title);
    json_key_uint(&json, "status", status);
    json_key_text(&json, "detail", detail);
    json_object_end(&json);
    bytes_append_char(out, '\n');
    return !out->failed;
}
