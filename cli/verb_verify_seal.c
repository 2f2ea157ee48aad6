#include "cli/verb_verify_seal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "verifier/arc_seal.h"
#include "verifier/domain_name.h"

enum { RESULTS_MAX = 32 * 1024 };

struct verify_seal {
    const struct authserv_id *id;
    const struct clock *clock;
    struct sealing_key *key;
    char selector[DOMAIN_NAME_MAX], domain[DOMAIN_NAME_MAX];
    size_t selector_len, domain_len;
    struct span signed_names;
    bool merge, plain;
};

/* SELECTOR:DOMAIN:KEYFILE; the file's name may hold colons. NULL: not of that form. */
static const char *read_argument(struct verify_seal *seal, const char *text) {
    struct span rest = span_of(text);
    size_t first = span_find(rest, ':');
    if (first == rest.len) return NULL;
    size_t second = first + 1 + span_find(span_after(rest, first + 1), ':');
    if (second >= rest.len) return NULL;
    seal->selector_len = domain_name_write(span_first(rest, first), false, seal->selector);
    seal->domain_len = domain_name_write((struct span){text + first + 1, second - first - 1}, true, seal->domain);
    return seal->selector_len > 0 && seal->domain_len > 0 && text[second + 1] != '\0' ? text + second + 1 : NULL;
}

static bool load_key(struct verify_seal *seal, const char *path) {
    enum sealing_key_status status = sealing_key_load(path, &seal->key);
    if (status == SEALING_KEY_OK) return true;
    if (status == SEALING_KEY_UNREADABLE)
        cli_complain("cannot read %s: %s", path, strerror(errno));
    else
        cli_complain("%s: %s", path, sealing_key_status_text(status));
    return false;
}

static bool fill(struct verify_seal *seal, const struct cli_options *options) {
    const char *path = read_argument(seal, options->arc_seal);
    if (path == NULL) {
        cli_complain("verify: --arc-seal wants SELECTOR:DOMAIN:KEYFILE, not '%s'", options->arc_seal);
        return false;
    }
    seal->merge = options->arc_merge;
    seal->plain = options->arc_plain;
    if (options->arc_headers != NULL) seal->signed_names = span_of(options->arc_headers);
    if (options->arc_headers != NULL && !arc_seal_may_sign(seal->signed_names)) {
        cli_complain("verify: --arc-headers wants field names with colons between, no ARC or Authentication-Results "
                     "field, not '%s'",
                     options->arc_headers);
        return false;
    }
    return load_key(seal, path);
}

bool verify_seal_open(const struct cli_options *options, const struct authserv_id *id, const struct clock *clock,
                      struct verify_seal **out) {
    *out = NULL;
    if (options->arc_seal == NULL) {
        if (options->arc_headers == NULL && !options->arc_merge && !options->arc_plain) return true;
        cli_complain("verify: --arc-headers, --arc-merge and --arc-plain stand beside --arc-seal only");
        return false;
    }
    struct verify_seal *seal = calloc(1, sizeof *seal);
    if (seal == NULL) {
        cli_complain("out of memory");
        return false;
    }
    seal->id = id;
    seal->clock = clock;
    if (fill(seal, options)) {
        *out = seal;
        return true;
    }
    verify_seal_close(seal);
    return false;
}

void verify_seal_close(struct verify_seal *seal) {
    if (seal == NULL) return;
    sealing_key_release(seal->key);
    free(seal);
}

const char *verify_seal_write(const struct verify_seal *seal, const struct message_verifier *verifier,
                              struct span our_field, struct bytes *out) {
    uint8_t body_hash[DIGEST_OCTETS];
    struct bytes merged = bytes_with_cap(RESULTS_MAX);
    size_t colon = span_find(our_field, ':');
    struct span results = span_after(our_field, colon < our_field.len ? colon + 1 : colon);
    const struct header_section *section = message_verifier_header(verifier);
    if (seal->merge && arc_seal_merge_results(&merged, section, seal->id)) results = bytes_span(&merged);
    struct arc_seal_request request = {
        .section = section,
        .body_hash = body_hash,
        .arc = &message_verifier_result(verifier)->arc,
        .results = results,
        .domain = {seal->domain, seal->domain_len},
        .selector = {seal->selector, seal->selector_len},
        .key = seal->key,
        .now_s = clock_unix_s(seal->clock),
        .signed_names = seal->signed_names,
        .plain = seal->plain,
    };
    enum arc_seal_status status = ARC_SEAL_NO_MEMORY;
    if (message_verifier_seal_hash(verifier, body_hash)) status = arc_seal_write(out, &request);
    bytes_release(&merged);
    return status == ARC_SEAL_ADDED ? NULL : arc_seal_status_text(status);
}
