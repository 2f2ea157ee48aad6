#include "proxy/content_writer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "proxy/spool.h"

static const struct { const char *head[3], *spool; uint64_t offset; const char *wanted; } rows[] = {
    {{"A: ours\r\n", "Subject: x\r\n", "\r\n"}, "Subject: x\r\n\r\nbody\r\n", 14, "A: ours\r\nSubject: x\r\n\r\nbody\r\n.\r\n"},
    {{"A: ours\r\n", "", "\r\n"}, "\r\n.dot\r\n..\r\n.\r\n", 2, "A: ours\r\n\r\n..dot\r\n...\r\n..\r\n.\r\n"},
    {{"A: ours\r\n", "B: no body\r\n", ""}, "B: no body\r\n", 12, "A: ours\r\nB: no body\r\n.\r\n"},
    {{"", "", ""}, "", 0, ".\r\n"},
    {{"A: ours\r\n", "\r\n", ""}, "\r\nno line end", 2, "A: ours\r\n\r\nno line end\r\n.\r\n"},
};

/* Whatever the room at a time, the same octets. */
static void every_row_is_written_with_any_room(void **state) {
    struct spool_account account = {.max = 1 << 20};
    struct spool_pool *pool = spool_pool_create((struct spool_limits){1 << 20, 1 << 20, 1 << 20}, &account, -1);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spool *spool = spool_create(pool);
        struct span head[3];
        for (size_t k = 0; k < 3; k++) head[k] = span_of(rows[i].head[k]);
        assert_int_equal(spool_append(spool, span_of(rows[i].spool)), SPOOL_OK);
        const struct content content = {head, 3, spool, rows[i].offset};
        for (size_t room = 1; room < 100; room++) {
            struct bytes all = bytes_with_cap(4096);
            struct content_writer writer;
            content_writer_init(&writer, &content);
            for (enum content_progress progress = CONTENT_MORE; progress == CONTENT_MORE;) {
                size_t written;
                char *out = malloc(room);
                progress = content_writer_fill(&writer, out, room, &written);
                assert_true(written <= room && progress != CONTENT_UNREADABLE);
                assert_true(bytes_append(&all, (struct span){out, written}));
                free(out);
            }
            if (!span_is(bytes_span(&all), rows[i].wanted)) fail_msg("row %zu, room %zu: %.*s", i, room, (int)all.len, all.ptr);
            bytes_release(&all);
        }
        spool_destroy(spool);
    }
    spool_pool_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_written_with_any_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
