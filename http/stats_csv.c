#include "http/stats_csv.h"

static void write_counts(struct bytes *out, const uint64_t count[DOMAIN_RESULT_COUNT]) {
    bytes_append_char(out, ',');
    bytes_append_uint(out, domain_counts_sum(count));
    for (unsigned i = 0; i < DOMAIN_RESULT_COUNT; i++) bytes_append_char(out, ','), bytes_append_uint(out, count[i]);
}

/* Names are letters, digits, dots, hyphens and underscores, words are our own: nothing needs quotes, and a spreadsheet
 * that takes one for a formula finds nothing in it to obey. */
void stats_csv_write(const struct stats_view *view, struct bytes *out) {
    bytes_append_text(out, "domain,signatures,pass,fail,other,dnssec,selector,cause\r\n");
    for (size_t i = 0; i < view->row_count; i++) {
        const struct stats_row *row = &view->rows[i];
        bytes_append(out, row->domain);
        write_counts(out, row->count);
        bytes_append_format(out, ",%s,", row->has_dnssec ? dnssec_state_word(row->dnssec) : "");
        bytes_append(out, row->selector);
        bytes_append_format(out, ",%s\r\n", row->cause != CAUSE_NONE ? cause_word(row->cause) : "");
    }
    bytes_append_text(out, "other");
    write_counts(out, view->untracked);
    bytes_append_text(out, ",,,\r\n");
}
