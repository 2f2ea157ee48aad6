#include "http/api.h"
#include "base/json.h"

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
