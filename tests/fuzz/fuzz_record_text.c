/* A record as a person pastes it, read, judged and told in both languages. Whatever goes in, the same text read twice
 * is judged alike, no place of a sentence stays empty, and a record that verifies has a fingerprint. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/record_paste.h"
#include "verifier/record_signature.h"
#include "verifier/record_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tell(const struct finding_list *findings) {
    struct bytes out = bytes_with_cap(1 << 22);
    struct json json = json_writer(&out);
    finding_write_json(&json, findings);
    finding_write_text(&out, findings, (struct report_style){LANGUAGE_FR, false});
    finding_write_good(&out, findings, (struct report_style){LANGUAGE_EN, true});
    if (out.failed) abort();
    bytes_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size};
    struct arena *arena = arena_create(1 << 22);
    struct finding_list *findings = calloc(2, sizeof *findings);
    struct record_paste paste;
    struct record_signature signature;
    if (arena == NULL || findings == NULL || !record_paste_read(text, arena, &paste)) abort();
    for (int i = 0; i < 2; i++) {
        struct record_text record;
        if (!record_text_read(i == 0 ? text : paste.text, paste.strings, arena, &record)) abort();
        if (record.usable && record.fingerprint[0] == '\0') abort();
        if (!record_text_judge(&record, arena, &findings[i])) abort();
        if (record_signature_read(text, arena, &signature)) record_signature_judge(&signature, &record, &findings[i]);
        tell(&findings[i]);
    }
    free(findings);
    arena_destroy(arena);
    return 0;
}
