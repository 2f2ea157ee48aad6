#include "proxy/smtp_reply.h" /* first, so the header is proved to stand alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/exact.h"

#define LIT(text) {text, sizeof(text) - 1}

/* want: the reply written again. rest: octets left for the next reply. enhanced: of the first line, "" for none. */
static const struct row {
    struct span stream;
    enum smtp_reply_status status;
    const char *want, *enhanced;
    size_t rest;
} rows[] = {
    {LIT("250 ok\r\n"), SMTP_REPLY_COMPLETE, "250 ok\r\n", "", 0},
    {LIT("250 2.1.5 Ok\r\n354 go\r\n"), SMTP_REPLY_COMPLETE, "250 2.1.5 Ok\r\n", "2.1.5", 8},
    {LIT("250-a\r\n250-b\r\n250 c\r\n"), SMTP_REPLY_COMPLETE, "250-a\r\n250-b\r\n250 c\r\n", "", 0}, /* 4.2.1 */
    {LIT("550-5.1.1 no\r\n550 5.1.1 such user\r\n"), SMTP_REPLY_COMPLETE, "550-5.1.1 no\r\n550 5.1.1 such user\r\n",
     "5.1.1", 0},
    {LIT("250\r\n"), SMTP_REPLY_COMPLETE, "250 \r\n", "", 0}, /* 4.2: the text may be missing, with its space too */
    {LIT("250 \r\n"), SMTP_REPLY_COMPLETE, "250 \r\n", "", 0},
    {LIT("250-\r\n250\r\n"), SMTP_REPLY_COMPLETE, "250-\r\n250 \r\n", "", 0},
    {LIT("250 ok\n250"), SMTP_REPLY_COMPLETE, "250 ok\r\n", "", 3},
    {LIT("250\n"), SMTP_REPLY_COMPLETE, "250 \r\n", "", 0},
    {LIT("250 a\rb\r\n"), SMTP_REPLY_COMPLETE, "250 a?b\r\n", "", 0},
    {LIT("250 a\r\r\n"), SMTP_REPLY_COMPLETE, "250 a?\r\n", "", 0},
    {LIT("250 a\0\x1b[1m\t\xc3\xa9\x7f\r\n"), SMTP_REPLY_COMPLETE, "250 a??[1m ???\r\n", "", 0}, /* */
    {LIT("450 5.1.1 class of another code\r\n"), SMTP_REPLY_COMPLETE, "450 5.1.1 class of another code\r\n", "", 0},
    {LIT("450 4.1 not three numbers\r\n"), SMTP_REPLY_COMPLETE, "450 4.1 not three numbers\r\n", "", 0},
    {LIT("450 4.1234.1 x\r\n"), SMTP_REPLY_COMPLETE, "450 4.1234.1 x\r\n", "", 0},
    {LIT("450 4.123.999\r\n"), SMTP_REPLY_COMPLETE, "450 4.123.999\r\n", "4.123.999", 0},
    {LIT("450 4.1.1x\r\n"), SMTP_REPLY_COMPLETE, "450 4.1.1x\r\n", "", 0},
    {LIT("354 go\r\n"), SMTP_REPLY_COMPLETE, "354 go\r\n", "", 0},
    {LIT("250 o"), SMTP_REPLY_MORE, NULL, NULL, 0},
    {LIT("250-ok\r\n"), SMTP_REPLY_MORE, NULL, NULL, 0},
    {LIT(""), SMTP_REPLY_MORE, NULL, NULL, 0},
    {LIT("150 x\r\n"), SMTP_REPLY_MALFORMED, NULL, NULL, 0},
    {LIT("600 x\r\n"), SMTP_REPLY_MALFORMED, NULL, NULL, 0},
    {LIT("25x\r\n"), SMTP_REPLY_MALFORMED, NULL, NULL, 0},
    {LIT("2500 x\r\n"), SMTP_REPLY_MALFORMED, NULL, NULL, 0},
    {LIT("250_x\r\n"), SMTP_REPLY_MALFORMED, NULL, NULL, 0},
    {LIT("\r\n250 x\r\n"), SMTP_REPLY_MALFORMED, NULL, NULL, 0},
    {LIT("250-a\r\n550 b\r\n"), SMTP_REPLY_MALFORMED, NULL, NULL, 0}, /* 4.2.1: the same code in every line */
    {LIT("HTTP/1.1 400 Bad Request\r\n"), SMTP_REPLY_MALFORMED, NULL, NULL, 0},
};

static enum smtp_reply_status feed(struct smtp_reply *reply, struct span stream, size_t cut0, size_t cut1,
                                   size_t *taken) {
    size_t ends[] = {cut0, cut1, stream.len}, part_taken;
    enum smtp_reply_status status = SMTP_REPLY_MORE;
    *taken = 0;
    for (size_t i = 0, at = 0; i < 3 && status == SMTP_REPLY_MORE; at = ends[i++]) {
        struct span exact = exact_copy((struct span){stream.ptr + at, ends[i] - at});
        status = smtp_reply_update(reply, exact, &part_taken);
        if (status == SMTP_REPLY_MORE) assert_int_equal(part_taken, exact.len);
        *taken += part_taken;
        exact_free(exact);
    }
    return status;
}

static void check(size_t i, struct smtp_reply *reply, size_t cut0, size_t cut1) {
    const struct row *row = &rows[i];
    size_t taken;
    struct bytes out = bytes_with_cap(65536), enhanced = bytes_with_cap(64);
    enum smtp_reply_status status = feed(reply, row->stream, cut0, cut1, &taken);
    if (status != row->status) fail_msg("row %zu cut %zu %zu: %s", i, cut0, cut1, smtp_reply_status_text(status));
    if (status == SMTP_REPLY_COMPLETE) {
        smtp_reply_write(&out, reply);
        if (!span_is(bytes_span(&out), row->want)) fail_msg("row %zu: %.*s", i, (int)out.len, out.ptr);
        assert_int_equal(row->stream.len - taken, row->rest);
        if (reply->has_enhanced)
            bytes_append_format(&enhanced, "%u.%u.%u", reply->enhanced[0], reply->enhanced[1], reply->enhanced[2]);
        if (!span_is(bytes_span(&enhanced), row->enhanced))
            fail_msg("row %zu: %.*s", i, (int)enhanced.len, enhanced.ptr);
    }
    bytes_release(&out);
    bytes_release(&enhanced);
    smtp_reply_clear(reply);
}

static void every_row_whole_and_at_every_two_cuts(void **state) {
    struct smtp_reply reply;
    (void)state;
    smtp_reply_init(&reply);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t a = 0; a <= rows[i].stream.len; a++)
            for (size_t b = a; b <= rows[i].stream.len; b++) check(i, &reply, a, b);
    smtp_reply_release(&reply);
}

static void long_lines_are_cut_at_510(void **state) {
    struct smtp_reply reply;
    struct bytes in = bytes_with_cap(8192), out = bytes_with_cap(8192);
    size_t taken;
    (void)state;
    smtp_reply_init(&reply);
    bytes_append_text(&in, "250 ");
    for (int i = 0; i < 3000; i++) bytes_append_char(&in, 'x');
    bytes_append_text(&in, "\r\n");
    assert_int_equal(smtp_reply_update(&reply, bytes_span(&in), &taken), SMTP_REPLY_COMPLETE);
    smtp_reply_write(&out, &reply);
    assert_int_equal(out.len, SMTP_REPLY_LINE_MAX + 2);
    assert_memory_equal(out.ptr + SMTP_REPLY_LINE_MAX - 1, "x\r\n", 3);
    bytes_release(&in);
    bytes_release(&out);
    smtp_reply_release(&reply);
}

static void many_lines_are_read_and_few_kept(void **state) {
    struct smtp_reply reply;
    struct bytes in = bytes_with_cap(65536), out = bytes_with_cap(65536);
    size_t taken;
    (void)state;
    smtp_reply_init(&reply);
    for (int i = 0; i < 1000; i++) bytes_append_format(&in, "550-line %d\r\n", i);
    bytes_append_text(&in, "550 end\r\n");
    assert_int_equal(smtp_reply_update(&reply, bytes_span(&in), &taken), SMTP_REPLY_COMPLETE);
    assert_int_equal(taken, in.len);
    assert_int_equal(reply.line_count, SMTP_REPLY_LINES_MAX);
    assert_true(span_is(smtp_reply_line(&reply, SMTP_REPLY_LINES_MAX - 1), "line 63"));
    smtp_reply_write(&out, &reply);
    static const char last[] = "\r\n550 line 63\r\n"; /* what is passed on is a whole reply */
    assert_memory_equal(out.ptr + out.len - (sizeof last - 1), last, sizeof last - 1);
    bytes_release(&in);
    bytes_release(&out);
    smtp_reply_release(&reply);
}

static void a_reply_without_end_is_given_up(void **state) {
    struct smtp_reply reply;
    char octets[4096];
    size_t taken, total = 0;
    enum smtp_reply_status status = SMTP_REPLY_MORE;
    (void)state;
    smtp_reply_init(&reply);
    memset(octets, '2', sizeof octets);
    memcpy(octets, "250-", 4);
    for (size_t turn = 0; status == SMTP_REPLY_MORE && turn < 1000; turn++) {
        status = smtp_reply_update(&reply, (struct span){octets, sizeof octets}, &taken);
        total += taken;
    }
    assert_int_equal(status, SMTP_REPLY_TOO_LONG);
    assert_int_equal(total, SMTP_REPLY_OCTETS_MAX + 1);
    assert_true(reply.text.room <= 65536);
    smtp_reply_release(&reply);
}

static const struct { unsigned code; const char *enhanced, *text, *want; } own[] = {
    {421, "4.3.2", "shutting down", "421 4.3.2 shutting down\r\n"},
    {354, NULL, "go ahead", "354 go ahead\r\n"},
    {250, NULL, "mx\nSIZE 100\nPIPELINING", "250-mx\r\n250-SIZE 100\r\n250 PIPELINING\r\n"},
    {550, "5.6.0", "a\r\x01\xff", "550 5.6.0 a???\r\n"},
    {250, "2.0.0", "", "250 2.0.0 \r\n"},
};

static void own_replies_are_written_and_kept_alike(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        struct bytes written = bytes_with_cap(4096), kept = bytes_with_cap(4096);
        struct smtp_reply reply;
        smtp_reply_init(&reply);
        smtp_reply_write_own(&written, own[i].code, own[i].enhanced, span_of(own[i].text));
        assert_true(smtp_reply_set(&reply, own[i].code, own[i].enhanced, own[i].text));
        smtp_reply_write(&kept, &reply);
        if (!span_is(bytes_span(&written), own[i].want)) fail_msg("row %zu: %.*s", i, (int)written.len, written.ptr);
        assert_true(span_is(bytes_span(&kept), own[i].want));
        assert_int_equal(reply.has_enhanced, own[i].enhanced != NULL);
        assert_int_equal(smtp_reply_class(&reply), own[i].code / 100);
        bytes_release(&written);
        bytes_release(&kept);
        smtp_reply_release(&reply);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_whole_and_at_every_two_cuts), cmocka_unit_test(long_lines_are_cut_at_510),
        cmocka_unit_test(many_lines_are_read_and_few_kept),      cmocka_unit_test(a_reply_without_end_is_given_up),
        cmocka_unit_test(own_replies_are_written_and_kept_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
