#include "verifier/tag_list.h"
#include "base/ascii.h"
#include "base/utf8.h"

const char *tag_list_status_text(enum tag_list_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {TAG_LIST_STATUSES(X)};
#undef X
    return texts[status];
}

static bool is_name(struct span text) {
    if (text.len == 0 || !ascii_is_alpha(text.ptr[0])) return false;
    for (size_t i = 1; i < text.len; i++)
        if (!ascii_is_alnum(text.ptr[i]) && text.ptr[i] != '_') return false;
    return true;
}

static bool is_value(struct span text) { /* ; is gone by now */
    if (text.len >= 8 && ascii_are_print(text.ptr + text.len - 8)) text.len -= text.len % 8; /* the rest has been looked at */
    while (text.len > 0) {
        if (text.len >= 8 && ascii_are_print(text.ptr)) { /* nearly everywhere */
            text = span_after(text, 8);
            continue;
        }
        if (ascii_is_control(text.ptr[0]) && !ascii_is_space(text.ptr[0])) return false;
        size_t len = utf8_sequence(text);
        if (len == 0) return false;
        text = span_after(text, len);
    }
    return true;
}

const struct tag *tag_list_find_name(const struct tag_list *list, struct span name) {
    for (const struct tag *tag = list->tag; tag < list->tag + list->count; tag++)
        if (span_equal(tag->name, name)) return tag;
    return NULL;
}

static enum tag_list_status append_tag_spec(struct tag_list *list, struct span text) {
    size_t equals = span_find(text, '=');
    struct tag tag = {.name = span_trim(span_first(text, equals))};
    if (!is_name(tag.name)) return TAG_LIST_BAD_NAME;
    if (equals == text.len) return TAG_LIST_NO_EQUALS;
    tag.raw_value = span_after(text, equals + 1);
    tag.value = span_trim(tag.raw_value);
    if (!is_value(tag.value)) return TAG_LIST_BAD_VALUE;
    if (tag_list_find_name(list, tag.name) != NULL) return TAG_LIST_DUPLICATE; /* voids the whole list: section 3.2 */
    if (list->count == TAG_LIST_MAX) return TAG_LIST_TOO_MANY;
    list->tag[list->count++] = tag;
    return TAG_LIST_OK;
}

/* Cuts the next tag-spec off *rest; false when nothing remains but white space, which may follow the last ; */
static bool take_tag_spec(struct span *rest, struct span *tag_spec) {
    if (span_trim(*rest).len == 0) return false;
    size_t len = span_find(*rest, ';');
    *tag_spec = span_first(*rest, len);
    *rest = span_after(*rest, len < rest->len ? len + 1 : len);
    return true;
}

enum tag_list_status tag_list_parse(struct span text, struct tag_list *out, size_t *error_at) {
    enum tag_list_status status = TAG_LIST_EMPTY;
    out->count = 0;
    *error_at = 0;
    for (struct span rest = text, tag_spec; take_tag_spec(&rest, &tag_spec);) {
        status = append_tag_spec(out, tag_spec);
        if (status != TAG_LIST_OK) {
            *error_at = (size_t)(tag_spec.ptr - text.ptr);
            out->count = 0;
            break;
        }
    }
    return status;
}

void tag_list_salvage(struct span text, struct tag_list *out) {
    out->count = 0;
    for (struct span rest = text, tag_spec; take_tag_spec(&rest, &tag_spec);) append_tag_spec(out, tag_spec);
}
