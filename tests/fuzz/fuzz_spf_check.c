/* Lines in: the sender, then the answers of the DNS, whatever is asked. A check ends within its limits. */
#include <stdint.h>
#include <stdlib.h>
#include "base/clock.h"
#include "verifier/spf_check.h"

enum { QUERIES_MAX = 1 + 10 * 11 + 11 + 1 }; /* the first record; 10 terms of 11 each; the client's names; exp= */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct lines {
    struct dns_source source; /* first */
    struct span rest;
    unsigned queries;
};

static void expect(bool holds) {
    if (!holds) abort();
}

static struct span take_line(struct span *rest) {
    struct span line = span_first(*rest, span_find(*rest, '\n'));
    *rest = span_after(*rest, line.len < rest->len ? line.len + 1 : line.len);
    return line;
}

/* A line of digits answers with that status; any other is one record, or several with a tab between them. */
static enum dns_progress lookup(struct dns_source *source, struct span name, enum dns_type type,
                                struct dns_query *query, struct dns_answer *answer) {
    struct lines *lines = (struct lines *)(void *)source;
    struct span line = take_line(&lines->rest);
    (void)name, (void)query;
    *answer = (struct dns_answer){.status = DNS_NODATA};
    lines->queries++;
    if (line.len == 1) answer->status = (enum dns_status)((unsigned char)line.ptr[0] % DNS_STATUS_COUNT);
    if (line.len < 2 || answer->status == DNS_FOUND) return DNS_ANSWERED;
    answer->status = DNS_FOUND;
    while (line.len > 0 && answer->record_count < DNS_RECORD_MAX) {
        size_t len = span_find(line, '\t'), fixed = type == DNS_A ? 4 : type == DNS_AAAA ? 16 : len;
        if (fixed > line.len) break;
        answer->record[answer->record_count++] = span_first(line, fixed);
        line = span_after(line, len < line.len ? len + 1 : len);
    }
    if (answer->record_count == 0) answer->status = DNS_NODATA;
    return DNS_ANSWERED;
}

static void never(void *owner) {
    (void)owner;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct clock_fixed clock = clock_fixed_at(1700000000);
    struct lines lines = {.source = {.lookup = lookup}, .rest = {(const char *)data, size}};
    struct spf_question question = {.scope = SPF_MAIL_FROM,
                                    .address = "1234",
                                    .is_v4 = true,
                                    .helo = span_of("h.example"),
                                    .mail_from = take_line(&lines.rest),
                                    .wants_explanation = true};
    struct spf_check *check = spf_check_create(&lines.source, &clock.clock);
    if (check == NULL) return 0;
    expect(spf_check_begin(check, &question, never, NULL) == SPF_DONE);
    const struct spf_result *result = spf_check_result(check);
    expect(result->is_evaluated && result->lookups <= 10 && result->void_lookups <= 2 && lines.queries <= QUERIES_MAX);
    expect(result->explanation.len == 0 || result->result == RESULT_FAIL);
    expect((result->mechanism.len > 0) == (result->code == SPF_MATCHED));
    spf_check_destroy(check);
    return 0;
}
