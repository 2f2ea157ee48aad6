#include "http/api.h"
#include <time.h>

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

bool api_write_problem(unsigned status, const char *title, const char *detail, const char *where, struct bytes *out) {
    struct json json = json_writer(out);
    json_object(&json);
    json_key_text(&json, "type", "about:blank");
    json_key_text(&json, "title", title);
    json_key_uint(&json, "status", status);
    json_key_text(&json, "detail", detail);
    if (where != NULL) json_key_text(&json, "where", where);
    json_object_end(&json);
    bytes_append_char(out, '\n');
    return !out->failed;
}

void api_write_time(struct json *json, const char *key, int64_t time_s) {
    char text[sizeof "2026-03-01T12:00:00Z"];
    time_t seconds = (time_t)time_s;
    struct tm utc;
    json_key(json, key);
    if (time_s > 0 && gmtime_r(&seconds, &utc) != NULL && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
        json_text(json, text);
    else
        json_null(json);
}
