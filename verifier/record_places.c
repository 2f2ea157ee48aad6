#include "verifier/record_places.h"
#include "base/bytes.h"
#include "verifier/dns.h"

#define RECORD_PLACE(place, finding, expected) {place, finding, expected},
static const struct {
    const char *place;
    enum finding_id finding;
    const char *expected;
} places[RECORD_PLACE_COUNT] = {
#include "verifier/record_places.def"
};
#undef RECORD_PLACE

static struct span expand(const char *template, struct span selector, struct span domain, struct arena *arena) {
    struct bytes text = bytes_with_cap(DNS_NAME_MAX);
    for (const char *at = template; *at != '\0'; at++) {
        if (*at != '{') {
            bytes_append_char(&text, *at);
            continue;
        }
        bytes_append(&text, at[1] == 's' ? selector : domain);
        at += 2;
    }
    struct span out = text.failed ? (struct span){NULL, 0} : arena_copy(arena, bytes_span(&text));
    bytes_release(&text);
    return out;
}

struct span record_place_name(size_t i, struct span selector, struct span domain, struct arena *arena) {
    return expand(places[i].place, selector, domain, arena);
}

bool record_place_tell(size_t i, struct span name, struct span selector, struct span domain, struct arena *arena,
                       struct finding_list *findings) {
    struct span expected = expand(places[i].expected, selector, domain, arena);
    if (expected.len == 0) return false;
    struct finding *finding = finding_add(findings, places[i].finding);
    finding_add_text(finding, "found", name);
    finding_add_text(finding, "expected", expected);
    return true;
}
